/** The S3 emulator in a process of its own, so that its work is not taken for ours. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Runs `use` with an emulator that has the bucket; every client of this process and its children may use it. */
export async function withStoreServer<T>(
  bucket: string,
  use: (server: { pid: number; endpoint: string }) => Promise<T>,
): Promise<T> {
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'bench';
  const server = fork(join(import.meta.dirname, 'store-server.child.ts'), [bucket]);
  try {
    const [endpoint] = (await once(server, 'message')) as [string];
    return await use({ pid: server.pid!, endpoint });
  } finally {
    server.disconnect();
  }
}
