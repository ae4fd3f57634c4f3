/** `narrator serve` with a bucket of manifests: what a producer puts there is spoken beside it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openS3Store } from '../../src/adapters/store-s3.ts';
import { silenceVendors } from '../../src/runtime/config.ts';
import { startS3Emulator } from '../support/s3-emulator.ts';
import { until } from '../integration/adapters/bullmq/until.ts';
import { parseWav } from './narration.ts';
import { LOGGING, ROOT, Workplace } from './narrator-process.ts';

const CLIP = join(ROOT, 'models/tiny/voices/rms.wav');
const CLIP_TEXT = 'The weather was warm this morning, so we walked to the market.';
const FAST_OPTIONS = JSON.stringify({ parameters: { steps: 2, cfg: 0 } });
const SPOKEN_WITHIN_MS = 120_000;

async function deployed(t: TestContext) {
  silenceVendors();
  const emulator = await startS3Emulator();
  for (const name of ['narrator', 'books']) emulator.createBucket(name);
  const { arn } = emulator.createQueue('dead');
  const redrive = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 3 });
  const { url: queueUrl } = emulator.createQueue('manifests', { RedrivePolicy: redrive });
  emulator.notify('books', 'manifests');
  const bucket = await openS3Store({ bucket: 'books', ...emulator.connection });
  // Last in, first out: the processes end before what they talk to.
  t.after(async () => {
    await bucket.close();
    await emulator.close();
  });
  const place = await Workplace.open(t);
  const env = {
    ...LOGGING,
    AWS_ACCESS_KEY_ID: 'emulator',
    AWS_SECRET_ACCESS_KEY: 'emulator',
    NARRATOR_STORE: 's3://narrator/store',
    NARRATOR_S3_ENDPOINT: emulator.endpoint,
    NARRATOR_S3_PATH_STYLE: 'true',
    NARRATOR_S3_REGION: 'us-east-1',
    NARRATOR_BUCKETS: 'books/in',
    NARRATOR_MANIFEST_QUEUE_URL: queueUrl,
  };
  const put = (key: string, content: string) => bucket.put(key, new TextEncoder().encode(content));
  const read = async (key: string) => (await bucket.get(key))?.bytes ?? assert.fail(`there is no ${key}`);
  const json = async (key: string) => JSON.parse(Buffer.from(await read(key)).toString()) as Record<string, unknown>;
  return { emulator, bucket, place, env, put, read, json };
}

test('a manifest becomes WAV files beside it, with texts and options from beside it and a voice from the shared store', async (t) => {
  const { emulator, place, env, put, read, json } = await deployed(t);
  const { stderr } = await place.narrator(['voices', 'add', 'me', '--audio', CLIP, '--text', CLIP_TEXT], { env });
  assert.doesNotMatch(stderr, /NodeVersionSupportWarning/);
  assert.ok(emulator.keysIn('narrator').some((key) => key.startsWith('store/voices/me/')));

  const running = place.start(['serve', '--port', '0'], { env });
  await put('in/emma/one.txt', 'The river is high this morning.');
  await put('in/emma/chapter 1.options.json', FAST_OPTIONS);
  const lines = [
    { id: 'a', textFile: 'one.txt', voice: 'me' },
    { id: 'b', text: 'She closed the door.', output: 'deep/b' },
    { id: 'c', textFile: '../../store/jobs/x/job.json' },
  ];
  await put('in/emma/chapter 1.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await put('in/emma/broken.csv', 'name;words\na;b\n');
  const isThere = (key: string) => emulator.keysIn('books').includes(key);
  await until('the manifest is spoken', () => isThere('in/emma/chapter 1/summary.json'), SPOKEN_WITHIN_MS);
  for (const name of ['a.wav', 'deep/b.wav']) {
    const { sampleRateHz, samples } = parseWav(await read(`in/emma/chapter 1/${name}`));
    assert.equal(sampleRateHz, 24_000);
    assert.ok(samples.length > sampleRateHz / 2);
  }
  const { succeeded, failed } = await json('in/emma/chapter 1/summary.json');
  assert.deepEqual([succeeded, failed], [2, 1]);
  assert.deepEqual(((await json('in/emma/chapter 1/a.json'))['voice'] as { id: string }).id, 'me');
  const errors = Buffer.from(await read('in/emma/chapter 1/errors.jsonl')).toString();
  assert.match(errors, /"item":"c".*text_file_unreadable|text_file_unreadable.*"item":"c"/);
  assert.equal(((await json('in/emma/broken.csv.error.json'))['error'] as { code: string }).code, 'manifest_invalid');

  // Results are written to the watched bucket too: none of them may become a job.
  await until('the queue is empty', () => emulator.messagesIn('manifests').all === 0);
  assert.equal(emulator.messagesIn('dead').all, 0);
  const jobs = new Set(emulator.keysIn('narrator').filter((key) => key.startsWith('store/index/')));
  assert.equal(jobs.size, 1);
  running.kill('SIGTERM');
  const { exitCode, stderr: log } = await running.finished;
  assert.equal(exitCode, 0, log);
  assert.doesNotMatch(log, /NodeVersionSupportWarning|QueueUrl/);
});

test('a clip that is borrowed lies in the shared store for other processes, and is no voice that is listed', async (t) => {
  const { emulator, place, env } = await deployed(t);
  const clip = ['speak', '--text', 'Good morning.', '-o', 'out.wav', '--ref-audio', CLIP, '--ref-text', CLIP_TEXT];
  await place.narrator([...clip, '--steps', '2', '--cfg', '0'], { env });
  const borrowed = emulator.keysIn('narrator').filter((key) => key.startsWith('store/borrowed/'));
  assert.equal(borrowed.length, 2);
  const { stdout } = await place.narrator(['voices', 'list', '--json'], { env });
  assert.doesNotMatch(stdout.toString(), /reference-/);
});
