/** Folders for what is wanted for a moment only. Those of processes that were killed go when the next one makes its own. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, ownIdentity } from '../adapters/process-identity.ts';

const PREFIX = 'f5-narrator-';
/** f5-narrator-<identity of its process>.<random> */
const NAME = /^f5-narrator-(\d+-\d+)\.\w+$/;

/** Hands a folder to `use`, and deletes it afterwards. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  await sweep();
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${await ownIdentity()}.`));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What cannot be looked at or deleted is somebody else's. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const [, identity] = NAME.exec(name) ?? [];
    if (identity === undefined || (await isAlive(identity))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}
