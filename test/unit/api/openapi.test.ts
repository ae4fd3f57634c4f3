import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createApp, ROUTES } from '../../../src/api/app.ts';
import { openApiDocument } from '../../../src/api/openapi.ts';
import { apiDeps } from '../../support/api-app.ts';

interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required: boolean; description?: string; schema: object }[];
  requestBody?: { content: Record<string, { schema?: object; example?: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
  security: object[];
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
}

const app = createApp(
  apiDeps({
    metrics: { contentType: 'text/plain', render: () => Promise.resolve(''), observeRequest: () => undefined },
  }),
);
const document = openApiDocument(ROUTES, { version: '1.2.3' }) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
);

/** '/v1/jobs\\:estimate' and '/v1/jobs/:id' as OpenAPI writes them. */
const openApiPath = (path: string) =>
  path
    .replace(/\\:/g, '\0')
    .replace(/:(\w+)/g, '{$1}')
    .replaceAll('\0', ':');

describe('the document', () => {
  test('has every route of the app, and none besides', () => {
    const routes = app.router.stack.flatMap(({ route }) =>
      route === undefined ? [] : route.stack.map(({ method }) => `${method} ${openApiPath(route.path)}`),
    );
    assert.deepEqual(operations.map(({ name }) => name).sort(), [...new Set(routes)].sort());
  });

  test('says what each takes and answers, with an id of its own', () => {
    assert.equal(document.openapi, '3.1.0');
    const ids = operations.map(({ operation }) => operation.operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const { name, path, operation } of operations) {
      assert.ok(operation.summary.length > 0, name);
      const statuses = Object.keys(operation.responses);
      assert.ok(
        statuses.some((status) => /^[23]/.test(status)),
        name,
      );
      for (const { description } of Object.values(operation.responses)) assert.ok(description.length > 0, name);
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      assert.deepEqual(
        inPath.map((parameter) => `{${parameter.name}}`),
        path.match(/\{\w+\}/g) ?? [],
        name,
      );
      assert.ok(
        inPath.every(({ required, description }) => required && description !== undefined),
        name,
      );
    }
  });

  test('refers only to what it holds, and holds only what is referred to', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, one]) => one ?? '');
    const held = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    assert.deepEqual([...new Set(references)].sort(), held.sort());
  });

  test('says of every route behind a key what its key needs and how it is refused', () => {
    const withKey = operations.filter(({ operation }) => operation.security.length > 0);
    assert.ok(withKey.length > 0);
    for (const { name, operation } of withKey) {
      for (const status of ['401', '403', '429']) assert.ok(operation.responses[status], `${name} ${status}`);
    }
    const open = operations.filter(({ operation }) => operation.security.length === 0).map(({ name }) => name);
    assert.deepEqual(open.sort(), ['get /docs', 'get /healthz', 'get /openapi.json', 'get /readyz']);
  });

  test('has the rules that requests are checked with', () => {
    const request = document.components.schemas['TtsRequest'] as {
      additionalProperties: boolean;
      required: string[];
      properties: Record<string, { maximum?: number; maxLength?: number }>;
    };
    assert.equal(request.additionalProperties, false);
    assert.deepEqual(request.required, ['text']);
    assert.equal(request.properties['speed']?.maximum, 2);
    assert.equal(request.properties['text']?.maxLength, 5000);
  });

  test('examples are requests that would be taken', () => {
    let examples = 0;
    for (const { method, path, bodies = [] } of ROUTES) {
      for (const { schema, example } of bodies) {
        if (schema === undefined || example === undefined) continue;
        examples += 1;
        assert.ok(schema.safeParse(example).success, `${method} ${path}`);
      }
    }
    assert.ok(examples > 0);
  });
});
