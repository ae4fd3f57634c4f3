/**
 * The whole service with a large manifest that is dropped into S3: how soon it is planned and heard, in how much memory, and how soon a
 * cancel ends it. Redis, an API and two workers as processes; the emulator of S3 is in this one. A stand-in engine hums.
 */
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { MANIFEST_BUCKET, Stack } from '../test/support/stack.ts';
import { type BenchOptions, mebibytes, printTable, thousands } from './report.ts';
import { withFolder, writeManifest } from './workload.ts';

const WORKERS = 2;
/** As fast as a GPU: an engine without limit would only show how fast two processes write files. */
const STAND_IN = { delayMs: 100, audioRate: 100 };
/** Between two looks. */
const LOOK_MS = 200;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly createdAt: string;
  readonly plannedAt?: string;
  readonly items: { readonly total: number; readonly succeeded: number };
}

export async function benchService({ quick }: BenchOptions): Promise<void> {
  const lines = quick ? 5_000 : 100_000;
  const calls = join(await mkdtemp(join(tmpdir(), 'narrator-bench-')), 'calls.txt');
  await writeFile(calls, '');
  const stack = await Stack.start({ workers: WORKERS, worker: { standIn: { ...STAND_IN, callsFile: calls } } });
  try {
    await withFolder(async (folder) => {
      const manifest = join(folder, 'manifest.jsonl');
      await writeManifest(manifest, { lines, sentences: 1 });
      const { size } = await stat(manifest);
      const idle = await residentOf(stack);
      await drop(stack, manifest);
      const droppedAt = performance.now();
      const since = () => (performance.now() - droppedAt) / 1000;

      let firstWavAfter: number | undefined;
      let job: Job | undefined;
      while (job?.plannedAt === undefined) {
        await delay(LOOK_MS);
        job = (await ask<{ data: Job[] }>(stack, '/v1/jobs')).data[0];
        if (firstWavAfter === undefined && hasWav(stack)) firstWavAfter = since();
      }
      const planned = (Date.parse(job.plannedAt) - Date.parse(job.createdAt)) / 1000;
      const peak = await residentOf(stack);

      const cancelledAt = performance.now();
      await ask(stack, `/v1/jobs/${job.id}/cancel`, 'POST');
      while (job.status !== 'cancelled') {
        await delay(LOOK_MS);
        job = await ask<Job>(stack, `/v1/jobs/${job.id}`);
      }
      const ended = (performance.now() - cancelledAt) / 1000;
      const lastCallAfter = ((await stat(calls)).mtimeMs - performance.timeOrigin - cancelledAt) / 1000;
      printTable(
        'A manifest dropped into S3: API with controller, two workers with a stand-in engine; memory = resident, of the API: idle and at most',
        [
          'lines',
          'manifest MiB',
          'planned s',
          'first WAV s',
          'memory MiB',
          'last synthesis after cancel s',
          'cancelled s',
        ],
        [
          [
            thousands(lines),
            mebibytes(size),
            planned.toFixed(1),
            firstWavAfter?.toFixed(1) ?? 'none',
            `${mebibytes(idle)} → ${mebibytes(peak)}`,
            Math.max(0, lastCallAfter).toFixed(1),
            ended.toFixed(1),
          ],
        ],
      );
    });
  } finally {
    await stack.end();
    await rm(join(calls, '..'), { recursive: true });
  }
}

const hasWav = ({ s3 }: Stack) => s3.keysIn(MANIFEST_BUCKET).some((key) => key.endsWith('.wav'));

/** Most memory that the API has had so far, in bytes. */
async function residentOf(stack: Stack): Promise<number> {
  const status = await readFile(`/proc/${stack.apis[0]?.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function drop({ s3: { connection } }: Stack, path: string): Promise<void> {
  const client = new S3Client(connection);
  const params = { Bucket: MANIFEST_BUCKET, Key: 'bench/manifest.jsonl', Body: createReadStream(path) };
  await new Upload({ client, params }).done();
  client.destroy();
}

async function ask<T>(stack: Stack, path: string, method = 'GET'): Promise<T> {
  const response = await fetch(`${stack.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.adminKey}` },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
