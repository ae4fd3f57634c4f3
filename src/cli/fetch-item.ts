/** One item of a job, from a server to a folder: the WAV file, then its timings, whose presence says that both are whole. */
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import { encodeJson } from '../core/ledger.ts';
import { audioKey, checkKey, sidecarKey } from '../core/keys.ts';
import { wavFileBytes } from '../runtime/wav-file.ts';
import { interrupted, jobPath, type ServerClient } from './client.ts';
import { withoutSilence } from './client-events.ts';
import type { ServerItem } from './client-job.ts';

export interface FetchTarget {
  readonly client: ServerClient;
  readonly jobId: string;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** An item that has audio. */
export type DoneItem = ServerItem & Required<Pick<ServerItem, 'id' | 'output' | 'url'>>;

const timingsSchema = z.looseObject({
  samples: z.int().nonnegative(),
  sampleRateHz: z.int().positive(),
  format: z.enum(['int16', 'int24', 'float32']),
});

/** Without a byte for so long, a download is begun again where it stopped. */
const SILENCE_MAX_MS = 30_000;
/** Times in a row that a download breaks off without having brought anything. */
const FRUITLESS_MAX = 5;

/**
 * Files appear under their own names only whole.
 * @returns false if both files were there already, and are those of the server
 * @throws NarratorError as ServerClient.send; server_unreachable: a download that keeps breaking off; key_invalid; store_full
 */
export async function fetchItem(item: DoneItem, target: FetchTarget): Promise<boolean> {
  const { folder } = target;
  // The server is not trusted with paths either.
  checkKey(item.output);
  const wavPath = join(folder, ...audioKey('', item.output).split('/'));
  const timingsPath = join(folder, ...sidecarKey('', item.output).split('/'));
  const timings = await timingsOf(item, target);
  const bytes = expectedBytes(timings, item);
  if ((await sizeOf(wavPath)) === bytes && (await isSame(timingsPath, timings))) return false;
  try {
    await mkdir(dirname(wavPath), { recursive: true });
    // Until the new ones are whole, the old timings must not speak for the audio.
    await rm(timingsPath, { force: true });
    await download(item.url, `${wavPath}.part`, bytes, target);
    await rename(`${wavPath}.part`, wavPath);
    await writeFile(`${timingsPath}.part`, timings);
    await rename(`${timingsPath}.part`, timingsPath);
  } catch (thrown) {
    throw onDisk(thrown, wavPath);
  }
  return true;
}

/** As the page of items has them; if it has none (their file is gone), the server says what is wrong. */
async function timingsOf(item: DoneItem, { client, jobId }: FetchTarget): Promise<Uint8Array> {
  if (item.timings !== undefined) return encodeJson(item.timings);
  const response = await client.send(jobPath(jobId, 'items', item.id, 'timings'));
  return new Uint8Array(await response.arrayBuffer());
}

function expectedBytes(timings: Uint8Array, { id }: DoneItem): number {
  try {
    const { samples, ...layout } = timingsSchema.parse(JSON.parse(new TextDecoder().decode(timings)));
    return wavFileBytes({ totalSamples: samples, ...layout });
  } catch (cause) {
    throw new NarratorError('server_unreachable', `The timings of item ${id} cannot be read.`, { item: id }, { cause });
  }
}

/** Goes on where the connection broke, as long as each one brings something. */
async function download(url: string, path: string, bytes: number, target: FetchTarget): Promise<void> {
  const progress = { received: 0, etag: undefined as string | undefined };
  for (let fruitless = 0; progress.received < bytes; ) {
    const before = progress.received;
    try {
      await downloadRest(url, path, bytes, progress, target);
    } catch (thrown) {
      if (target.signal.aborted) throw interrupted();
      const error = isFileError(thrown) ? undefined : brokenOff(thrown);
      if (error === undefined || !error.retryable) throw thrown;
      fruitless = progress.received > before ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS_MAX) throw error;
    }
  }
  if (bytes === 0) await writeFile(path, '');
}

async function downloadRest(
  url: string,
  path: string,
  bytes: number,
  progress: { received: number; etag: string | undefined },
  { client }: FetchTarget,
): Promise<void> {
  const isRest = progress.received > 0 && progress.etag !== undefined;
  const response = await client.send(url, {
    ...(isRest && { headers: { range: `bytes=${progress.received}-`, 'if-range': progress.etag as string } }),
  });
  if (response.body === null) throw new NarratorError('server_unreachable', 'The server sent no audio.');
  if (response.status !== 206) progress.received = 0;
  const etag = response.headers.get('etag');
  progress.etag = etag?.startsWith('"') === true ? etag : undefined;
  const count = async function* (source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      if (progress.received + chunk.byteLength > bytes) throw wrongSize(bytes);
      yield chunk;
      progress.received += chunk.byteLength;
    }
  };
  const file = createWriteStream(path, { flags: progress.received > 0 ? 'r+' : 'w', start: progress.received });
  await pipeline(withoutSilence(response.body, SILENCE_MAX_MS), count, file);
  if (progress.received < bytes) throw new NarratorError('server_unreachable', 'The download broke off.');
}

const wrongSize = (bytes: number) =>
  new NarratorError('server_unreachable', `The server sends more audio than the ${bytes} bytes of the timings.`, {
    retryable: false,
    hint: 'Run the command again: the job may have been retried meanwhile.',
  });

/** Errors of the connection have no code of ours. */
function brokenOff(thrown: unknown): NarratorError {
  if (thrown instanceof NarratorError) return thrown;
  const { message } = toNarratorError(thrown);
  return new NarratorError('server_unreachable', `The download broke off: ${message}.`, {}, { cause: thrown });
}

const isFileError = (thrown: unknown) =>
  typeof (thrown as NodeJS.ErrnoException | undefined)?.syscall === 'string' && 'path' in (thrown as object);

function onDisk(thrown: unknown, path: string): NarratorError {
  if (thrown instanceof NarratorError) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const message = `${path} cannot be written (${code ?? 'unknown reason'}).`;
  return new NarratorError(isFull ? 'store_full' : 'store_unavailable', message, {}, { cause: thrown });
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

async function isSame(path: string, bytes: Uint8Array): Promise<boolean> {
  const there = await readFile(path).catch(() => undefined);
  return there !== undefined && there.equals(bytes);
}
