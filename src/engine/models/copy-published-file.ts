/** A published file from a local folder: for machines without a network. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NarratorError } from '../../core/errors.ts';
import type { PublishedFile } from './catalogue.ts';

export interface CopyRequest {
  readonly file: PublishedFile;
  readonly folder: string;
  readonly destination: string;
  readonly maxBytes: number;
  readonly expectedSha256?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { receivedBytes: number; totalBytes: number | undefined }) => void;
}

/**
 * Copies it and compares the checksum on the way; the original is never changed.
 * @throws NarratorError model_not_found (names every place that was looked at), checksum_mismatch, cancelled
 */
export async function copyPublishedFile(
  request: CopyRequest,
): Promise<{ bytes: number; sha256: string; verifiedBy: 'caller' | 'nothing' }> {
  const { destination, expectedSha256, maxBytes, onProgress } = request;
  const { path, size } = await findFile(request.file, request.folder);
  if (size > maxBytes) {
    throw new NarratorError('model_invalid', `${path} has ${size} bytes; at most ${maxBytes} are taken`, {
      limit: maxBytes,
    });
  }
  const hash = createHash('sha256');
  const part = `${destination}.copy`;
  const copy = await open(part, 'w');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      if (request.signal?.aborted === true) throw new NarratorError('cancelled', `Copying ${path} was cancelled`);
      hash.update(chunk);
      await copy.writeFile(chunk);
      bytes += chunk.length;
      onProgress?.({ receivedBytes: bytes, totalBytes: size });
    }
    await copy.sync();
  } finally {
    await copy.close();
  }
  const sha256 = hash.digest('hex');
  if (expectedSha256 !== undefined && sha256 !== expectedSha256.toLowerCase()) {
    await rm(part, { force: true });
    throw new NarratorError('checksum_mismatch', `${path} has the sha256 ${sha256}, but expected is ${expectedSha256}`);
  }
  await rename(part, destination);
  return { bytes, sha256, verifiedBy: expectedSha256 === undefined ? 'nothing' : 'caller' };
}

/** A folder may mirror the hub, be a clone of the repository, or just hold the files. */
async function findFile(file: PublishedFile, folder: string): Promise<{ path: string; size: number }> {
  const places = [
    `${file.repository}/${file.path}`,
    file.path,
    `${basename(file.repository)}/${file.path}`,
    basename(file.path),
  ];
  for (const place of new Set(places)) {
    const path = join(folder, place);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true) return { path, size: found.size };
  }
  throw new NarratorError('model_not_found', `${folder} has none of ${[...new Set(places)].join(', ')}`, {
    hint: 'Put the published files into the folder that --from names.',
  });
}
