/** The addresses of SageMaker itself and of the emulator, and its command line. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { emulatedEndpoint, ENDPOINT, fakeProcess, until } from './emulated-endpoint.ts';

interface Description {
  readonly EndpointStatus: string;
  readonly EndpointArn: string;
  readonly EndpointConfigName: string;
  readonly ProductionVariants: readonly { CurrentInstanceCount: number; DesiredInstanceCount: number }[];
  readonly AsyncInferenceConfig: {
    readonly ClientConfig: { readonly MaxConcurrentInvocationsPerInstance: number };
    readonly OutputConfig: { readonly S3OutputPath: string; readonly S3FailurePath: string };
  };
}

async function ask<T = Description>(url: string, action: string, request: object = {}): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'x-amz-target': `SageMaker.${action}`, 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ EndpointName: ENDPOINT, ...request }),
  });
  const answer = (await response.json()) as T & { __type?: string; message?: string };
  if (!response.ok) throw Object.assign(new Error(answer.message), { name: answer.__type });
  return answer;
}

test('an endpoint is described, with the status that it was given', async (t) => {
  const { emulator } = await emulatedEndpoint(t, { maxConcurrent: 3 });
  const { EndpointStatus, EndpointArn, ProductionVariants, AsyncInferenceConfig } = await ask(
    emulator.url,
    'DescribeEndpoint',
  );
  assert.equal(EndpointStatus, 'InService');
  assert.equal(EndpointArn, `arn:aws:sagemaker:us-east-1:000000000000:endpoint/${ENDPOINT}`);
  assert.equal(ProductionVariants.length, 1);
  const { ClientConfig, OutputConfig } = AsyncInferenceConfig;
  assert.equal(ClientConfig.MaxConcurrentInvocationsPerInstance, 3);
  assert.deepEqual([OutputConfig.S3OutputPath, OutputConfig.S3FailurePath], ['s3://bucket/out/', 's3://bucket/failed']);
  emulator.configure({ status: 'Failed' });
  assert.equal((await ask(emulator.url, 'DescribeEndpoint')).EndpointStatus, 'Failed');
  await assert.rejects(ask(emulator.url, 'DescribeEndpoint', { EndpointName: 'nobody' }), {
    name: 'ValidationException',
    message: 'Could not find endpoint "nobody".',
  });
  await assert.rejects(ask(emulator.url, 'CreateDomain'), { name: 'UnknownOperationException' });
});

test('an update replaces every instance, tries the topics, and may not find its configuration at first', async (t) => {
  const { emulator, invoke, notifications, messages } = await emulatedEndpoint(t, {
    ...{ command: fakeProcess(), minInstances: 1, configNotFoundOnce: true, timeScale: 0.1 },
  });
  await messages(2);
  await until(() => emulator.instances()[0]?.state === 'in-service');
  const { id } = emulator.instances()[0] ?? {};
  const update = () => ask(emulator.url, 'UpdateEndpoint', { EndpointConfigName: 'second' });
  await assert.rejects(update, {
    name: 'ValidationException',
    message: /Could not find endpoint configuration "second"/,
  });
  await update();
  await assert.rejects(update, { name: 'ValidationException', message: /is Updating/ });
  await until(async () => (await ask(emulator.url, 'DescribeEndpoint')).EndpointStatus === 'InService');
  assert.equal((await ask(emulator.url, 'DescribeEndpoint')).EndpointConfigName, 'second');
  await until(() => emulator.instances()[0]?.state === 'in-service');
  assert.notEqual(emulator.instances()[0]?.id, id);
  await messages(2);
  await invoke({});
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
});

test('an endpoint that is scaled to zero takes its instance from its work', async (t) => {
  const { emulator, invoke, notifications } = await emulatedEndpoint(t, {
    ...{ command: fakeProcess({ FAKE_STUBBORN: 'yes' }), scaling: 'manual', minInstances: 1, timeScale: 0.01 },
  });
  const scale = (count: unknown) =>
    ask(emulator.url, 'UpdateEndpointWeightsAndCapacities', {
      DesiredWeightsAndCapacities: [{ VariantName: 'main', DesiredInstanceCount: count }],
    });
  await assert.rejects(scale(-1), { name: 'ValidationException', message: /DesiredInstanceCount is -1/ });
  await invoke({ answer: 'hang' });
  await until(() => emulator.instances()[0]?.inFlight === 1);
  await scale(0);
  assert.match((await notifications(1))[0]?.failureReason ?? '', /\(0\)/);
  await until(() => emulator.instances().length === 0);
  await invoke({});
  assert.equal(emulator.metrics()['HasBacklogWithoutCapacity'], 1);
  await until(async () => (await ask(emulator.url, 'DescribeEndpoint')).EndpointStatus === 'InService');
  await scale(1);
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
});

test('metrics, instances and what was submitted can be looked at, and knobs be turned, by HTTP', async (t) => {
  const { emulator, invoke, notifications } = await emulatedEndpoint(t);
  const { inferenceId } = await invoke({});
  await notifications(1);
  const get = async (path: string) => (await fetch(`${emulator.url}/_emulator/${path}`)).json();
  const post = async (path: string, body: object = {}) => {
    const response = await fetch(`${emulator.url}/_emulator/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const metrics = (await get('metrics')) as Record<string, number>;
  assert.equal(metrics['InvocationsProcesssed'], 1);
  for (const name of ['TimeInBacklog', 'TotalProcessingTime', 'ModelLatency', 'ResponseUploadLatency']) {
    assert.ok((metrics[name] ?? -1) >= 0, name);
  }
  const [invocation] = (await get('invocations')) as { inferenceId: string; outcome: string; deliveries: number }[];
  assert.deepEqual(
    [invocation?.inferenceId, invocation?.outcome, invocation?.deliveries],
    [inferenceId, 'completed', 1],
  );
  const [instance] = (await get('instances')) as { state: string; inFlight: number }[];
  assert.deepEqual([instance?.state, instance?.inFlight], ['in-service', 0]);
  assert.equal((await post('knobs', { failRate: 1 })).body['failRate'], 1);
  const refused = await post('knobs', { failRate: 2 });
  assert.deepEqual([refused.status, refused.body['message']], [400, 'failRate is 2; it must be a number from 0 to 1.']);
  assert.equal((await post('instances/7/kill')).status, 400);
  assert.equal((await post('instances/0/kill')).status, 200);
  assert.equal(((await get('account')) as Record<string, number>)['instancesTakenAway'], 1);
  assert.equal((await fetch(`${emulator.url}/ping`)).status, 200);
  assert.equal((await fetch(`${emulator.url}/nothing`)).status, 404);
});

test('the command line takes a file and flags, and ends what it started', async (t) => {
  const { s3Address, queueUrl } = await emulatedEndpoint(t);
  const folder = mkdtempSync(join(tmpdir(), 'sagemaker-emulator-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({ endpoint: 'from-file', minInstances: 1, failRate: 0.5, outputPath: 's3://bucket/o' }),
  );
  const { argv } = fakeProcess();
  const flags = ['--config', config, '--port', '0', '--endpoint', 'mine', '--fail-rate', '0', '--s3', s3Address];
  const program = join(import.meta.dirname, '../../../tools/sagemaker-emulator/main.ts');
  const start = (...args: string[]) =>
    spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program, ...args]);
  const child = start(...flags, '--queue-url', queueUrl, '--', ...argv);
  t.after(() => child.kill('SIGKILL'));
  let url = '';
  for await (const line of createInterface(child.stdout)) {
    const { event, ...fields } = JSON.parse(line) as { event: string; url?: string; pid?: number };
    if (event === 'emulator.started') url = fields.url ?? '';
    if (event === 'instance.in-service') break;
  }
  const knobs = (await (await fetch(`${url}/_emulator/knobs`)).json()) as Record<string, unknown>;
  assert.deepEqual([knobs['failRate'], knobs['minInstances']], [0, 1]);
  assert.equal(
    (await ask<{ EndpointName: string }>(url, 'DescribeEndpoint', { EndpointName: 'mine' })).EndpointName,
    'mine',
  );
  const [instance] = (await (await fetch(`${url}/_emulator/instances`)).json()) as { pid: number }[];
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  assert.throws(() => process.kill(instance?.pid ?? 0, 0), { code: 'ESRCH' });

  const refusals: [args: string[], said: string][] = [
    [
      ['--output-path', 's3://bucket/o', '--fail-rate', 'often'],
      'failRate is "often"; it must be a number from 0 to 1.\n',
    ],
    [['--config', config], 'Without a command to start containers, instances must be their addresses.\n'],
    [['--output-path', 'out', '--instances', 'http://127.0.0.1:1'], 'out is not s3://bucket[/prefix].\n'],
  ];
  for (const [args, message] of refusals) {
    const wrong = start(...args);
    let said = '';
    wrong.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    assert.deepEqual(await once(wrong, 'close'), [1, null]);
    assert.equal(said, message);
  }
});
