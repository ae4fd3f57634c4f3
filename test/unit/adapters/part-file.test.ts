import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { onDisk, PartFile } from '../../../src/adapters/part-file.ts';

const url = 'https://hub.example/file';
const note = { url, etag: '"1"', statedSha256: undefined };
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'narrator-part-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** Leaves 'hello ' of `url` behind. */
async function interrupted(name: string): Promise<string> {
  const destination = join(folder, name);
  const part = await PartFile.open(destination, url);
  await part.describe(note);
  await part.append(Buffer.from('hello '));
  await part.close();
  return destination;
}

test('a part is gone on with, hash and note included', async () => {
  const destination = await interrupted('resumed');
  const part = await PartFile.open(destination, url);
  assert.equal(part.bytes, 6);
  assert.deepEqual(part.note, note);
  await part.append(Buffer.from('world'));
  // sha256 of 'hello world'
  assert.equal(part.sha256(), 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9');
  await part.publish();
  assert.equal(await readFile(destination, 'utf8'), 'hello world');
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('resumed')),
    ['resumed'],
  );
});

test('a part of another address, or with a note that was cut off, is not gone on with', async () => {
  const other = await PartFile.open(await interrupted('other'), 'https://hub.example/else');
  assert.equal(other.bytes, 0);
  await other.close();

  const destination = await interrupted('cut');
  await writeFile(`${destination}.part.json`, '{"url":"https://hu');
  const cut = await PartFile.open(destination, url);
  assert.deepEqual([cut.bytes, cut.note], [0, undefined]);
  await cut.close();
});

test('a full disk is told from other troubles', async () => {
  const failing = (code: string): Promise<never> =>
    onDisk('/models/x', () => Promise.reject(Object.assign(new Error('write'), { code })));
  await assert.rejects(failing('ENOSPC'), { code: 'store_full', message: /\/models\/x/ });
  await assert.rejects(failing('EROFS'), { code: 'store_unavailable', message: /EROFS/ });
});
