/**
 * The SageMaker route while everything on it fails: `narrator serve` submits shards to the emulator of an asynchronous endpoint, whose
 * instances are container processes that start cold and are killed; notifications get lost and come twice; invocations fail and hang.
 * E2E_LINES=2000 makes it long, E2E_SEED makes other choices. What is counted is what lies in the store, not what the API says of it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Stack, STORE_BUCKET } from '../support/stack.ts';
import { lines, linesWithBroken } from './manifests.ts';
import { ask, type Job, keysBelow, parseLines, until, wavsOf } from './stack-client.ts';

const LINES = Number(process.env.E2E_LINES ?? 200);
/** One of those that has every kind of fault among the first few invocations. */
const SEED = Number(process.env.E2E_SEED ?? 25);
const IS_LONG = LINES >= 1_000;
const DEADLINE_MS = IS_LONG ? 20 * 60_000 : 120_000;

const ATTEMPTS = 5;
const WINDOW = 12;
/** Spoken by the containers' engine, and only found out to be bad by it. */
const BAD_WORD = 'Xylophone';
/** As often as the issue says where there is time for it; else everything is quicker. */
const PACE = IS_LONG
  ? { coldStartMs: 5_000, killEveryMs: 10_000, timeScale: 0.5, segmentMs: 1_000, ttlS: 120 }
  : { coldStartMs: 1_000, killEveryMs: 3_000, timeScale: 0.1, segmentMs: 700, ttlS: 3_600 };
const CALM = { killEveryMs: 0, failRate: 0, dropNotifications: 0, duplicateNotifications: 0, duplicateDeliveries: 0 };

interface ItemError {
  readonly item: string;
  readonly code: string;
  readonly retryable: boolean;
}

test('every item ends as one WAV file or one named error, whatever fails between here and the containers', async (t) => {
  t.diagnostic(`${LINES} lines; choices by E2E_SEED=${SEED}`);
  const { coldStartMs, killEveryMs, timeScale, segmentMs, ttlS } = PACE;
  const stack = await Stack.start({
    endpoint: {
      instances: 2,
      container: {
        standIn: { delayMs: segmentMs },
        failures: { [BAD_WORD]: 'waveform_invalid' },
        graceMs: 1_000,
      },
      ...{ coldStartMs, killEveryMs, timeScale, seed: SEED, killSignal: 'either', maxConcurrent: 4 },
      ...{
        failRate: 0.03,
        hangNext: 1,
        dropNotifications: 0.1,
        duplicateNotifications: 0.1,
        duplicateDeliveries: 0.05,
      },
      // A success that nobody tells of is seen from its record; of failures there are few, and one is to be lost.
      dropNextFailures: 1,
      // An invocation of which nobody ever hears again is given up by its deadline: minutes, for which only the long run has the time.
      failureObjects: IS_LONG ? 'model' : 'all',
    },
    env: {
      NARRATOR_SAGEMAKER_ATTEMPTS: String(ATTEMPTS),
      NARRATOR_SAGEMAKER_TIMEOUT_S: '60',
      NARRATOR_SAGEMAKER_TTL_S: String(ttlS),
      NARRATOR_WINDOW: String(WINDOW),
      NARRATOR_LOG_LEVEL: 'info',
    },
  });
  t.after(() => stack.end());
  const { endpoint } = stack;

  await t.test('a job while instances die, notifications get lost and invocations fail', async (t) => {
    const { items, broken } = linesWithBroken(LINES, SEED);
    const bad = items.find(({ id }) => !broken.has(id))!;
    broken.set(bad.id, 'waveform_invalid');
    const manifest = items.map((item) => (item === bad ? { ...item, text: `${BAD_WORD}.` } : item));
    const startedAt = performance.now();
    const job = await ask<Job>(stack, 'POST', '/v1/jobs', { items: manifest, shardSeconds: 10 });

    // Half of it with instances whose work is lost, half of it with such whose work is done again; and in between the server is another.
    await end(stack, job.id, ({ percent }) => percent >= 40);
    endpoint.configure({ onKill: 'requeue' });
    const server = stack.apis[0]!;
    await server.down(IS_LONG ? 'SIGKILL' : 'SIGTERM');
    await server.up();
    const finished = await end(stack, job.id);
    tell(t, stack, Math.round((performance.now() - startedAt) / 1000));

    const ids = manifest.map(({ id }) => id);
    const errors = await errorsOf(stack, job.id);
    const failed = new Map(errors.map(({ item, code }) => [item, code]));
    assert.equal(failed.size, errors.length, 'an item has one error');
    assert.deepEqual(
      wavsOf(stack, job.id),
      ids.filter((id) => !failed.has(id)),
      'what has no error has its WAV file, and nothing else has',
    );
    for (const [id, code] of broken) assert.equal(failed.get(id), code);
    // With bad luck a shard has no attempts left: that is an error with a name too, and one after which a retry is of use.
    const unlucky = errors.filter(({ item }) => !broken.has(item));
    for (const { item, code, retryable } of unlucky) assert.ok(retryable, `${item}: ${code}`);
    assert.deepEqual([finished.items.succeeded, finished.items.failed], [ids.length - failed.size, failed.size]);
    assertOneRecordEach(stack, job.id);
    assertAttempts(stack, job.id);

    const faults = endpoint.faults();
    assert.equal(faults.hung, 1);
    const { failed: refused, notificationsDropped, notificationsDoubled, deliveredTwice, instancesTakenAway } = faults;
    const happened = { refused, notificationsDropped, notificationsDoubled, deliveredTwice };
    for (const [fault, times] of Object.entries(happened))
      assert.ok(times > 0, `${fault}: take more lines, or another seed`);
    assert.ok(instancesTakenAway >= 2, 'too few instances died: take more lines');
  });

  await t.test('a job that is cancelled stops, and nothing of it is submitted any more', async () => {
    endpoint.configure(CALM);
    const job = await ask<Job>(stack, 'POST', '/v1/jobs', { items: lines(120, SEED + 1), shardSeconds: 10 });
    await until(() => submissionsOf(stack, job.id).length > 0, 60_000, 'nothing is submitted');
    await ask(stack, 'POST', `/v1/jobs/${job.id}/cancel`);
    const cancelled = await end(stack, job.id);
    assert.equal(cancelled.status, 'cancelled');
    const submitted = submissionsOf(stack, job.id).length;
    const codes = new Set((await errorsOf(stack, job.id)).map(({ code }) => code));
    assert.deepEqual([...codes], ['cancelled']);
    const shards = assertOneRecordEach(stack, job.id);
    // What was at the endpoint already is answered, and changes nothing.
    await until(() => endpoint.metrics()['ApproximateBacklogSize'] === 0, 60_000, 'the endpoint is still at work');
    assert.equal(submissionsOf(stack, job.id).length, submitted);
    assert.ok(submitted < shards, `all of the ${shards} shards were submitted: cancelling came too late`);
    assert.equal(wavsOf(stack, job.id).length, cancelled.items.succeeded);
  });

  await t.test('a job that was refused is told so at once, and a retry makes it good', async () => {
    endpoint.configure({ failRate: 1, failStatus: 400 });
    const items = lines(20, SEED + 2);
    const job = await ask<Job>(stack, 'POST', '/v1/jobs', { items, shardSeconds: 10 });
    assert.equal((await end(stack, job.id)).status, 'failed');
    const shards = assertOneRecordEach(stack, job.id);
    assert.equal(submissionsOf(stack, job.id).length, shards, 'what cannot get better is not tried again');
    assert.deepEqual(wavsOf(stack, job.id), []);
    endpoint.configure({ failRate: 0 });
    await ask(stack, 'POST', `/v1/jobs/${job.id}/retry`);
    assert.equal((await end(stack, job.id)).status, 'completed');
    assert.deepEqual(
      wavsOf(stack, job.id),
      items.map(({ id }) => id),
    );
    assertAttempts(stack, job.id);
  });
});

/** A short account of what happened. */
function tell(t: TestContext, stack: Stack, seconds: number): void {
  const { instancesTakenAway, instancesStarted, failed, hung, deliveredTwice, requeued, ...faults } =
    stack.endpoint.faults();
  const invocations = stack.endpoint.invocations();
  const resubmitted = invocations.filter(({ inferenceId }) => attemptOf(inferenceId) > 1).length;
  t.diagnostic(
    `${seconds} s: ${invocations.length} invocations, ${resubmitted} of them further attempts; ${failed} answered 500, ${hung} hung, ` +
      `${deliveredTwice} delivered twice, ${requeued} queued again; ${instancesStarted} instances started, ${instancesTakenAway} killed; ` +
      `notifications: ${faults.notificationsDropped} lost, ${faults.notificationsDoubled} doubled`,
  );
}

/** Waits until the job has ended, or until `isEnough`. */
async function end(stack: Stack, jobId: string, isEnough: (job: Job) => boolean = () => false): Promise<Job> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    const job = await ask<Job>(stack, 'GET', `/v1/jobs/${jobId}`);
    if (!['planning', 'running', 'cancelling'].includes(job.status) || isEnough(job)) return job;
    await delay(200);
  }
  return assert.fail(`the job is not finished:\n${account(stack)}`);
}

function account(stack: Stack): string {
  const said = stack.apis[0]!.output.split('\n').filter((line) => !line.includes('"event":"request"'));
  const { endpoint } = stack;
  const open = endpoint.invocations().filter(({ outcome }) => outcome !== 'completed');
  const views = endpoint.instances().map((view) => ({ ...view, output: view.output.slice(-500) }));
  return [endpoint.faults(), endpoint.metrics(), ...views, ...open]
    .map((one) => JSON.stringify(one))
    .concat(said.slice(-40))
    .join('\n');
}

/** As the file in the store has them. */
async function errorsOf(stack: Stack, jobId: string): Promise<ItemError[]> {
  const response = await fetch(`${stack.s3.endpoint}/${STORE_BUCKET}/store/jobs/${jobId}/results/errors.jsonl`);
  assert.equal(response.status, 200);
  return parseLines(await response.text());
}

/** @returns how many shards there are */
function assertOneRecordEach(stack: Stack, jobId: string): number {
  const namesIn = (folder: string) =>
    keysBelow(stack, `jobs/${jobId}/${folder}/shard-`).map((key) => key.split('/').at(-1));
  const shards = namesIn('plan');
  assert.ok(shards.length > 0);
  assert.deepEqual(namesIn('records'), shards);
  return shards.length;
}

/**
 * Both accounts, ours in the ledger and the endpoint's, agree: no shard is submitted more often than it may be, and nothing that is not
 * written down. One name comes twice only where the server ended in the moment in which it submitted.
 */
function assertAttempts(stack: Stack, jobId: string): void {
  const written = keysBelow(stack, `jobs/${jobId}/invocations/`).map((key) =>
    key.split('/').at(-1)!.replace('.json', ''),
  );
  const submitted = submissionsOf(stack, jobId);
  const timesOf = new Map<string, number>();
  for (const id of submitted) timesOf.set(shardOf(id), (timesOf.get(shardOf(id)) ?? 0) + 1);
  assert.equal(timesOf.size, keysBelow(stack, `jobs/${jobId}/plan/`).length);
  for (const [shard, times] of timesOf) assert.ok(times <= ATTEMPTS, `${shard} was submitted ${times} times`);
  const names = new Set(submitted.map((id) => `${shardOf(id)}-${attemptOf(id)}`));
  assert.deepEqual([...names].sort(), written.sort());
  assert.ok(submitted.length - names.size <= WINDOW, 'invocations are made twice');
}

/** InferenceIds of what the endpoint has accepted of a job, in their order. */
const submissionsOf = (stack: Stack, jobId: string) =>
  stack.endpoint
    .invocations()
    .map(({ inferenceId }) => inferenceId)
    .filter((id) => id.startsWith(`${jobId}_`));

/** JOB_SHARD_ATTEMPT_SUFFIX */
const shardOf = (inferenceId: string) => inferenceId.split('_').at(-3)!;
const attemptOf = (inferenceId: string) => Number(inferenceId.split('_').at(-2));
