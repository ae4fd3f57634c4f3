/** Files that are whole once they are there: what the store on a folder does with bytes. */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NarratorError } from '../core/errors.ts';
import type { PutBody } from '../core/ports.ts';
import { isAbsent, storeError } from './file-errors.ts';

const READ_CHUNK_BYTES = 256 * 1024;

/** The stream that was to be stored failed, not the store. */
export class BodyFailure extends Error {}

async function* bodyChunks(body: PutBody): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    yield body;
    return;
  }
  try {
    yield* body;
  } catch (cause) {
    throw new BodyFailure('', { cause });
  }
}

export async function writeFlushed(path: string, body: PutBody, signal: AbortSignal | undefined): Promise<BigIntStats> {
  const handle = await open(path, 'wx');
  try {
    for await (const chunk of bodyChunks(body)) {
      if (signal?.aborted === true) throw new NarratorError('cancelled', 'Writing to the store was interrupted.');
      await handle.writeFile(chunk);
    }
    await handle.sync();
    return await handle.stat({ bigint: true });
  } finally {
    await handle.close();
  }
}

export async function* chunksOf(
  handle: FileHandle,
  key: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  try {
    for (let at = start; at < end; ) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(READ_CHUNK_BYTES, end - at));
      const { bytesRead } = await handle.read(chunk, 0, chunk.byteLength, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } catch (error) {
    throw storeError(error, `The object ${key}`, 'read');
  } finally {
    await handle.close();
  }
}

/** Makes a folder's entries survive a crash of the machine. One that somebody emptied and removed has none. */
export async function flush(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!isAbsent(error)) throw error;
  } finally {
    await handle?.close();
  }
}

/** From `folder` up to and with `last`. */
export async function flushFolders(folder: string, last: string): Promise<void> {
  for (let at = folder; at.length >= last.length; at = dirname(at)) await flush(at);
}
