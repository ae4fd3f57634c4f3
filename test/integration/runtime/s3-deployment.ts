/** A deployment whose store and buckets are an emulator's, and a producer who puts objects into them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openS3Store, type S3ArtifactStore } from '../../../src/adapters/store-s3.ts';
import { type Config, readConfig, silenceVendors } from '../../../src/runtime/config.ts';
import { openStore, type SharedStore } from '../../../src/runtime/open-store.ts';
import { type S3Emulator, startS3Emulator } from '../../support/s3-emulator.ts';

export interface S3Deployment {
  readonly emulator: S3Emulator;
  readonly config: Config;
  readonly shared: SharedStore;
  /** the whole bucket 'books', as the producer sees it */
  readonly bucket: S3ArtifactStore;
  /** an empty folder, for whatever a test needs */
  readonly folder: string;
  put(key: string, content: string): Promise<unknown>;
  close(): Promise<void>;
}

export async function openDeployment(): Promise<S3Deployment> {
  silenceVendors();
  process.env['AWS_ACCESS_KEY_ID'] = 'emulator';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'emulator';
  const emulator = await startS3Emulator();
  for (const name of ['narrator', 'books', 'others']) emulator.createBucket(name);
  const folder = await mkdtemp(join(tmpdir(), 'f5-narrator-'));
  const config = readConfig({
    NARRATOR_HOME: folder,
    NARRATOR_STORE: 's3://narrator/store',
    NARRATOR_S3_ENDPOINT: emulator.endpoint,
    NARRATOR_S3_PATH_STYLE: 'true',
    NARRATOR_BUCKETS: 'books/in,narrator',
  });
  const shared = await openStore(config);
  const bucket = await openS3Store({ bucket: 'books', ...emulator.connection });
  return {
    ...{ emulator, config, shared, bucket, folder },
    put: (key, content) => bucket.put(key, encode(content)),
    async close() {
      await bucket.close();
      await shared.close();
      await emulator.close();
      await rm(folder, { recursive: true });
    },
  };
}

export const encode = (text: string) => new TextEncoder().encode(text);

/** @throws if there is no such stream */
export async function textOf(stream: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  if (stream === undefined) throw new Error('There is no such object.');
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
