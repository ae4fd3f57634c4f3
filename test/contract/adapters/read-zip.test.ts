import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strToU8, zipSync } from 'fflate';
import { ZipFile, type ZipLimits } from '../../../src/adapters/read-zip.ts';
import { withFile, zip } from '../../support/make-epub.ts';

const opened = <T>(bytes: Uint8Array, use: (file: ZipFile) => Promise<T>, limits?: Partial<ZipLimits>): Promise<T> =>
  withFile('book.epub', bytes, async (path) => {
    const file = await ZipFile.open(path, limits);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  });
const refused = (bytes: Uint8Array, name: string, message: RegExp, limits?: Partial<ZipLimits>) =>
  assert.rejects(
    opened(bytes, (file) => file.read(name), limits),
    { code: 'book_invalid', message },
  );
const find = (bytes: Uint8Array, signature: number) =>
  Buffer.from(bytes).indexOf(Buffer.from(Uint32Array.of(signature).buffer));

/** Bytes that Deflate cannot make smaller, from a fixed seed. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (state * 48271) % 2147483647) & 0xff);
}

test('entries are read whole, packed or stored, empty or longer than one step', async () => {
  const long = noise(100_000);
  const bytes = zipSync({
    'a.txt': strToU8('one'),
    'dir/ü.txt': [strToU8('two'), { level: 0 }],
    empty: new Uint8Array(),
    long,
    'folder/': new Uint8Array(),
  });
  await opened(bytes, async (file) => {
    const texts = await Promise.all(['a.txt', 'dir/ü.txt', 'empty'].map((name) => file.read(name)));
    assert.deepEqual(
      texts.map((one) => new TextDecoder().decode(one)),
      ['one', 'two', ''],
    );
    assert.deepEqual(Buffer.from((await file.read('long')) ?? []), Buffer.from(long));
    for (const name of ['none', 'folder/', 'constructor']) assert.equal(await file.read(name), undefined);
  });
});

test('what is no archive, or half of one, is refused', async () => {
  for (const bytes of [new Uint8Array(), strToU8('PK'), noise(70_000), zip({ a: 'text' }).slice(0, -30)]) {
    await refused(bytes, 'a', /is no ZIP archive/);
  }
  await assert.rejects(ZipFile.open('/nowhere/book.epub'), { code: 'book_invalid', message: /cannot be read/ });
});

test('a bomb is found out while it is unpacked', async () => {
  const bomb = zip({ 'a.xhtml': new Uint8Array(8 * 1024 ** 2), 'b.xhtml': noise(2000) });
  await refused(bomb, 'a.xhtml', /a\.xhtml, which unpacks to more than 200 times its size/);
  await refused(bomb, 'b.xhtml', /b\.xhtml, which unpacks to more than 1000 bytes/, { entryBytesMax: 1000 });
  await opened(
    zip({ a: noise(600), b: noise(600) }),
    async (file) => {
      await file.read('a');
      await assert.rejects(file.read('b'), { code: 'book_invalid', message: /unpacks to more than 1000 bytes/ });
    },
    { totalBytesMax: 1000 },
  );
});

test('headers that lie about sizes and contents are found out', async () => {
  const damage = (change: (bytes: Uint8Array, directory: number) => void) => {
    const bytes = zip({ a: 'a text that is packed, a text that is packed' });
    change(bytes, find(bytes, 0x02014b50));
    return bytes;
  };
  await refused(
    damage((bytes, at) => (bytes[at + 16]! ^= 1)),
    'a',
    /has a damaged/,
  );
  await refused(
    damage((bytes, at) => (bytes[at + 24]! += 1)),
    'a',
    /has a damaged/,
  );
  await refused(
    damage((bytes, at) => (bytes[at + 20]! += 200)),
    'a',
    /has a damaged|breaks off within a/,
  );
  await refused(
    damage((bytes) => (bytes[35] = 0xff)),
    'a',
    /has a damaged/,
  );
  await refused(
    damage((bytes) => (bytes[0] = 0)),
    'a',
    /has a damaged/,
  );
  await refused(
    damage((bytes, at) => (bytes[at] = 0)),
    'a',
    /damaged directory/,
  );
});

test('encrypted entries and unknown packing are named', async () => {
  const change = (offset: number, value: number) => {
    const bytes = zip({ 'OEBPS/a.xhtml': 'text' });
    bytes[find(bytes, 0x02014b50) + offset] = value;
    return bytes;
  };
  await refused(change(8, 1), 'OEBPS/a.xhtml', /has OEBPS\/a\.xhtml encrypted/);
  await refused(change(10, 14), 'OEBPS/a.xhtml', /packed by method 14/);
});

test('names that lead out of the archive, double names and too many entries are refused', async () => {
  for (const name of ['../a', '/a', 'a/../../b', 'C:/a', 'a\\b', './a']) {
    await refused(zip({ [name]: 'x' }), name, /leads out of it/);
  }
  const double = zip({ aa: 'x', ab: 'y' });
  for (let at = find(double, 0x02014b50); at < double.length - 1; at += 1) {
    if (double[at] === 0x61 && double[at + 1] === 0x62) double[at + 1] = 0x61;
  }
  await refused(double, 'aa', /has aa twice/);
  await refused(zip({ a: '', b: '', c: '' }), 'a', /has 3 entries; the limit is 2/, { entriesMax: 2 });
});
