/** A manifest on this machine's disk, and the text files that it names. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { NarratorError } from '../core/errors.ts';
import type { ManifestFormat } from '../core/manifest.ts';
import { pathInside, readInside } from './read-inside.ts';

export interface ManifestFile {
  readonly path: string;
  readonly format: ManifestFormat;
  readonly bytes: number;
  /** a new stream from the start, each time */
  read(): AsyncIterable<Uint8Array>;
  /** sha256 (hex) of the content */
  digest(): Promise<string>;
  /** a text file beside the manifest, or below its folder; never outside of it, also not through a link */
  readTextFile(path: string, options: { maxBytes: number }): Promise<Uint8Array>;
  /** changes whenever the text file is edited: its size and time; undefined when it cannot be read */
  textFileStamp(path: string): Promise<string | undefined>;
}

const FORMATS: Readonly<Record<string, ManifestFormat>> = { '.jsonl': 'jsonl', '.ndjson': 'jsonl', '.csv': 'csv' };

/** @throws NarratorError manifest_invalid when there is no such file, or its name ends in none of .jsonl, .ndjson, .csv */
export async function openManifestFile(file: string): Promise<ManifestFile> {
  const path = resolve(file);
  const format = FORMATS[extname(path).toLowerCase()];
  if (format === undefined) {
    throw new NarratorError('manifest_invalid', `${file} ends in none of ${Object.keys(FORMATS).join(', ')}.`, {
      hint: 'Name JSON Lines files .jsonl and comma-separated ones .csv.',
    });
  }
  const found = await stat(path).catch((cause: unknown) => {
    throw new NarratorError('manifest_invalid', `${file} cannot be read: there is no such file.`, {}, { cause });
  });
  if (!found.isFile()) throw new NarratorError('manifest_invalid', `${file} is not a file.`);
  const folder = dirname(path);
  return {
    path,
    format,
    bytes: found.size,
    read: () => createReadStream(path),
    async digest() {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
      return hash.digest('hex');
    },
    readTextFile: (name, { maxBytes }) =>
      readInside(folder, name, {
        maxBytes,
        refuse: refusal(name),
        tooLarge: (size) =>
          new NarratorError(
            'text_too_long',
            `textFile ${JSON.stringify(name)} has ${size} bytes; the limit is ${maxBytes}.`,
            {
              field: 'textFile',
              limit: maxBytes,
            },
          ),
      }),
    async textFileStamp(name) {
      const inside = await pathInside(folder, name, { refuse: refusal(name) }).catch(() => undefined);
      const entry = inside === undefined ? undefined : await stat(inside).catch(() => undefined);
      return entry && `${entry.size}-${entry.mtimeMs}`;
    },
  };
}

const refusal = (name: string) => (why: string) =>
  new NarratorError('text_file_unreadable', `textFile ${JSON.stringify(name)} ${why}.`, { field: 'textFile' });
