/**
 * `npm run stack`: the whole service on this machine without Docker, as docker-compose.yml has it: API processes, workers, Redis, and an
 * emulator of S3, SQS and SNS that keeps everything in memory. Ends with Ctrl-C, and leaves nothing behind.
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { MANIFEST_BUCKET, Stack } from '../test/support/stack.ts';

const USAGE = `npm run stack -- [options]

  --apis N          API processes (1)
  --workers N       workers (1)
  --port N          port of the first API (any free one)
  --engine NAME     model: the built-in model (or NARRATOR_MODEL); stand-in: a hum, for volume tests
  --json            print one line of JSON once everything runs
`;

interface Options {
  readonly apis: number;
  readonly workers: number;
  readonly port: number | undefined;
  readonly engine: 'model' | 'stand-in';
  readonly json: boolean;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      apis: { type: 'string', default: '1' },
      workers: { type: 'string', default: '1' },
      port: { type: 'string' },
      engine: { type: 'string', default: 'model' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const { engine, json } = values;
  if (engine !== 'model' && engine !== 'stand-in')
    throw new Error(`--engine is ${engine}; there are model and stand-in.`);
  const count = (name: string, text: string, most: number) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value <= most) return value;
    throw new Error(`--${name} is ${text}; it must be a whole number up to ${most}.`);
  };
  return {
    apis: Math.max(1, count('apis', values.apis, 16)),
    workers: count('workers', values.workers, 64),
    port: values.port === undefined ? undefined : count('port', values.port, 65_535),
    engine,
    json,
  };
}

function describe(stack: Stack, json: boolean): string {
  const { urls, adminKey, webhookSecret, redis, s3, manifestQueueUrl, topicArn, apis, workers } = stack;
  const pids = [...apis, ...workers].map(({ name, pid }) => ({ name, pid }));
  const facts = {
    urls,
    adminKey,
    webhookSecret,
    redisUrl: redis.url,
    s3Endpoint: s3.endpoint,
    manifestQueueUrl,
    topicArn,
    pids,
  };
  if (json) return JSON.stringify({ ...facts, manifestBucket: MANIFEST_BUCKET });
  return `
The service runs: ${urls.join(' ')}   (documentation: ${urls[0]}/docs, queue: ${urls[0]}/admin/queues)

In another terminal:
  export NARRATOR_URL=${urls[0]} NARRATOR_API_KEY=${adminKey}
  npm run narrator -- submit examples/story.jsonl --wait
  npm run narrator -- status
  curl -s $NARRATOR_URL/tts -H "authorization: Bearer $NARRATOR_API_KEY" -H 'content-type: application/json' -d '{"text": "Good morning."}' -o morning.wav
A manifest that is dropped into the bucket becomes a job:
  curl -T examples/story.jsonl ${s3.endpoint}/${MANIFEST_BUCKET}/story.jsonl

Ctrl-C ends it.`;
}

async function main(): Promise<void> {
  const { engine, json, port, ...counts } = options();
  const model = process.env['NARRATOR_MODEL'];
  const stack = await Stack.start({
    ...counts,
    ...(port !== undefined && { port }),
    ...(engine === 'stand-in' && { worker: { standIn: { delayMs: 20 } } }),
    ...(model !== undefined && { env: { NARRATOR_MODEL: model } }),
    onLost: ({ name, exitCode, output }) => {
      process.stderr.write(`${name} ended with ${exitCode}:\n${output.slice(-2_000)}\n`);
    },
    onStep: (what) => void (json || process.stderr.write(`starting ${what}\n`)),
  });
  process.stdout.write(`${describe(stack, json)}\n`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await stack.end('SIGTERM');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
