/** What routes answer has the form that the OpenAPI document says: status, content type and every field. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ROUTES } from '../../../src/api/app.ts';
import { serveApp } from '../../support/api-app.ts';
import { type JobAnswer, type JobServer, NDJSON, startJobServer } from './job-server.ts';

type Method = (typeof ROUTES)[number]['method'];

/** Reads an answer, and holds it against the table. @returns its body */
async function asDocumented(method: Method, path: string, answer: Response): Promise<unknown> {
  const route = ROUTES.find((one) => one.method === method && one.path === path);
  assert.ok(route !== undefined, `${method} ${path} is not documented`);
  const text = await answer.text();
  const documented = route.answers[answer.status];
  assert.ok(documented !== undefined, `${method} ${path} answers ${answer.status}: ${text}`);
  for (const name of Object.keys(documented.headers ?? {})) assert.ok(answer.headers.has(name), `${path}: ${name}`);
  const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
  const body = documented.bodies?.find((one) => one.type === type);
  assert.equal(body !== undefined, text !== '', `${method} ${path} answers with ${type}`);
  if (body?.schema === undefined) return text;
  const value = type === 'application/json' ? (JSON.parse(text) as unknown) : text;
  const parsed = body.schema.safeParse(value);
  assert.ok(parsed.success, `${method} ${path} ${answer.status}: ${JSON.stringify(parsed.error?.issues)}`);
  return value;
}

describe('jobs and items', () => {
  let server: JobServer;
  before(async () => {
    server = await startJobServer();
  });
  after(() => server.close());

  test('from the first request to the last', async () => {
    const { post, get, put, finish } = server;
    const request = {
      items: [
        { id: 'one', text: 'One sentence.' },
        { id: 'two', text: '' },
      ],
      metadata: { book: 'emma' },
      priority: 3,
      notify: [{ kind: 'webhook', url: 'https://studio.example/hook', secret: `whsec_${'A'.repeat(32)}` }],
    };
    await asDocumented('post', '/v1/jobs:estimate', await post('/v1/jobs:estimate', request, { key: 'reader' }));
    await asDocumented('put', '/v1/jobs/{id}', await put('/v1/jobs/emma', request));
    await asDocumented('put', '/v1/jobs/{id}', await put('/v1/jobs/emma', request));
    const manifest = '{"id": "three", "text": "Three."}\n';
    const made = await asDocumented('post', '/v1/jobs', await post('/v1/jobs', manifest, { headers: NDJSON }));
    await finish((made as JobAnswer).id);

    await finish('emma');
    await asDocumented('get', '/v1/jobs/{id}', await get('/v1/jobs/emma'));
    await asDocumented('get', '/v1/jobs', await get('/v1/jobs?limit=1'));
    await asDocumented('get', '/v1/jobs/{id}/items', await get('/v1/jobs/emma/items'));
    for (const part of ['audio', 'timings'] as const) {
      await asDocumented('get', `/v1/jobs/{id}/items/{item}/${part}`, await get(`/v1/jobs/emma/items/one/${part}`));
    }
    for (const list of ['results', 'errors'] as const) {
      await asDocumented('get', `/v1/jobs/{id}/${list}`, await get(`/v1/jobs/emma/${list}`));
    }
    await asDocumented('get', '/v1/jobs/{id}/events', await get('/v1/jobs/emma/events'));
    await asDocumented('post', '/v1/jobs/{id}/cancel', await post('/v1/jobs/emma/cancel'));
    await asDocumented('post', '/v1/jobs/{id}/retry', await post('/v1/jobs/emma/retry', { only: 'failed' }));
    await finish('emma');
    const resend = '/v1/jobs/{id}/notifications:resend';
    await asDocumented('post', resend, await post('/v1/jobs/emma/notifications:resend'));
    await asDocumented('delete', '/v1/jobs/{id}', await server.remove('/v1/jobs/emma', { key: 'admin' }));
  });
});

test('everything that is no job', async () => {
  const served = await serveApp({
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      render: () => Promise.resolve('up 1\n'),
      observeRequest: () => undefined,
    },
  });
  try {
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/metrics', '/v1/models', '/v1/voices']) {
      await asDocumented('get', path, await fetch(served.url + path));
    }
    await asDocumented('get', '/v1/voices/{id}', await fetch(`${served.url}/v1/voices/slt`));
  } finally {
    served.close();
  }
});

test('problems are of the documented form, with a documented status', async () => {
  const served = await serveApp();
  try {
    const document = (await (await fetch(`${served.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { responses: Record<string, object> }>>;
      components: { schemas: { Problem: { required: string[]; properties: Record<string, unknown> } } };
    };
    const { required, properties } = document.components.schemas.Problem;
    for (const [path, name] of [
      ['/v1/jobs/nothing', '/v1/jobs/{id}'],
      ['/v1/voices/nobody', '/v1/voices/{id}'],
      ['/v1/jobs?limit=none', '/v1/jobs'],
    ] as const) {
      const answer = await fetch(served.url + path);
      assert.ok(document.paths[name]?.['get']?.responses[answer.status], `${name} ${answer.status}`);
      const fields = Object.keys((await answer.json()) as object);
      assert.deepEqual(
        required.filter((field) => !fields.includes(field)),
        [],
      );
      assert.deepEqual(
        fields.filter((field) => !(field in properties)),
        [],
      );
    }
  } finally {
    served.close();
  }
});
