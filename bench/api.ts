/**
 * Requests a second that the API takes and answers, beside express with Redis and nothing else: what keys, checks, limits and a durable
 * ledger on a folder cost. Both in processes of their own, in turns; no worker runs.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RedisServer } from '../test/support/redis-server.ts';
import { type LoadRequest, type LoadResult, sendLoad } from './load.ts';
import { type BenchOptions, median, percent, printTable } from './report.ts';
import { bookText, withFolder } from './workload.ts';

const CONNECTIONS = 16;
const KEY = 'bench-key-0123456789abcdef';

interface Server {
  readonly url: string;
  readonly process: ChildProcess;
}

export async function benchApi({ quick }: BenchOptions): Promise<void> {
  const counts = quick ? { submit: 100, status: 400 } : { submit: 500, status: 3_000 };
  const rounds = quick ? 1 : 3;
  const servers = { 'f5-narrator': startNarrator, 'express and Redis': startBare };
  const results: { server: string; what: string; result: LoadResult }[] = [];
  const redis = await RedisServer.start();
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const [server, start] of Object.entries(servers)) {
        await withFolder(async (folder) => {
          const started = await start(redis.url, folder);
          const measured = await loadOn(started, counts);
          for (const [what, result] of Object.entries(measured)) results.push({ server, what, result });
          started.process.kill('SIGTERM');
          await once(started.process, 'exit');
        });
      }
    }
  } finally {
    await redis.end();
  }
  const of = (server: string, what: string, figure: 'perSecond' | 'medianMs' | 'slowMs') =>
    median(results.filter((one) => one.server === server && one.what === what).map(({ result }) => result[figure]));
  const rows = ['status', 'submit'].flatMap((what) =>
    Object.keys(servers).map((server) => [
      ...[what, server, of(server, what, 'perSecond').toFixed(0)],
      percent(of(server, what, 'perSecond') / of('express and Redis', what, 'perSecond'), 0),
      ...[of(server, what, 'medianMs').toFixed(1), of(server, what, 'slowMs').toFixed(1)],
    ]),
  );
  printTable(
    `Requests with ${CONNECTIONS} at a time, the median of ${rounds} rounds; submit = a job of one text, status = GET of a job`,
    ['', 'server', 'requests/s', 'share', 'median ms', '99 % within ms'],
    rows,
  );
}

async function loadOn({ url }: Server, counts: { submit: number; status: number }) {
  const text = bookText(1).slice(0, 200);
  const submit = (): LoadRequest => ({
    method: 'POST',
    url: `${url}/v1/jobs`,
    headers: {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify({ items: [{ id: 'one', text }] }),
  });
  const warm = await sendLoad(Array.from({ length: 32 }, submit), CONNECTIONS);
  const ids = warm.answers.map((answer) => (JSON.parse(answer) as { id: string }).id);
  const status = (_: unknown, at: number): LoadRequest => ({
    method: 'GET',
    url: `${url}/v1/jobs/${ids[at % ids.length]}`,
    headers: { authorization: `Bearer ${KEY}` },
  });
  await sendLoad(Array.from({ length: 100 }, status), CONNECTIONS);
  return {
    status: await sendLoad(Array.from({ length: counts.status }, status), CONNECTIONS),
    submit: await sendLoad(Array.from({ length: counts.submit }, submit), CONNECTIONS),
  };
}

async function startBare(redisUrl: string): Promise<Server> {
  const server = fork(join(import.meta.dirname, 'bare-api.child.ts'), [redisUrl]);
  const [url] = (await once(server, 'message')) as [string];
  return { url, process: server };
}

/** The server as it is started by users, with a queue, so that it synthesises nothing itself. */
async function startNarrator(redisUrl: string, folder: string): Promise<Server> {
  const server = fork(join(import.meta.dirname, '../src/cli/main.ts'), ['serve', '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      NARRATOR_HOME: join(folder, 'home'),
      NARRATOR_STORE: join(folder, 'store'),
      NARRATOR_REDIS_URL: redisUrl,
      NARRATOR_QUEUE: `bench-${randomUUID()}`,
      NARRATOR_ADMIN_KEY: KEY,
      NARRATOR_RATE_LIMIT: '1000000',
    },
  });
  const [line] = (await once(createInterface({ input: server.stdout! }), 'line')) as [string];
  return { ...(JSON.parse(line) as { url: string }), process: server };
}
