import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NarratorError } from '../../../src/core/errors.ts';
import { itemsAsManifest, type ManifestFormat, type ManifestItem } from '../../../src/core/manifest.ts';
import { parseCsvHeader } from '../../../src/core/manifest-csv.ts';
import { countItems, readManifest } from '../../../src/core/manifest-reader.ts';
import { bytes, jsonLines } from './fakes.ts';

const limits = { itemsMax: 1000, textCharactersMax: 1000, lineBytesMax: 500 };

async function read(format: ManifestFormat, ...parts: (string | Uint8Array)[]) {
  const items: [number, ManifestItem][] = [];
  const errors: [number, NarratorError][] = [];
  for await (const entry of readManifest(bytes(...parts), format, limits)) {
    if ('error' in entry) errors.push([entry.line, entry.error]);
    else items.push([entry.line, entry.item]);
  }
  return { items, errors };
}

/** The only error of a manifest with this one line behind a good one. */
async function errorOf(item: unknown): Promise<NarratorError> {
  const line = typeof item === 'string' ? item : JSON.stringify(item);
  const { items, errors } = await read('jsonl', `{"id":"good","text":"Good."}\n${line}\n`);
  assert.equal(items.length, 1, 'a bad line harms no other');
  const [number, error] = errors[0] ?? assert.fail('no error');
  assert.equal(number, 2);
  assert.equal(error.details.line, 2);
  assert.match(error.message, /^Line 2: /);
  return error;
}

describe('JSON Lines', () => {
  it('gives every field, with output and seed filled in as the planner wants them', async () => {
    const full = {
      id: 'kapitel-1_ä.2',
      text: 'Hello.',
      voice: 'anna',
      speed: 0.5,
      seed: '18446744073709551615',
      language: 'en-GB',
      output: 'part 1/first.WAV',
      metadata: { title: 'One' },
    };
    const { items, errors } = await read('jsonl', jsonLines(full, { id: '第一章', textFile: 'a/b.txt', seed: 7 }));
    assert.deepEqual(errors, []);
    assert.deepEqual(items, [
      [1, { ...full, output: 'part 1/first.wav' }],
      [2, { id: '第一章', textFile: 'a/b.txt', seed: '7', output: '第一章.wav' }],
    ]);
  });

  it('takes a byte order mark, CRLF, blank lines, and a last line without a break, in chunks of any size', async () => {
    const text = '\ufeff{"id":"a","text":"ä"}\r\n\r\n   \n{"id":"b","text":"𝄞"}';
    const whole = new TextEncoder().encode(text);
    for (const size of [1, 2, 3, 7, whole.length]) {
      const parts: Uint8Array[] = [];
      for (let at = 0; at < whole.length; at += size) parts.push(whole.subarray(at, at + size));
      const { items, errors } = await read('jsonl', ...parts);
      assert.deepEqual(errors, []);
      assert.deepEqual(
        items.map(([line, { id, text }]) => [line, id, text]),
        [
          [1, 'a', 'ä'],
          [4, 'b', '𝄞'],
        ],
      );
    }
  });

  it('does not keep a buffer that its source uses again', async () => {
    const shared = new Uint8Array(8);
    async function* reusing() {
      const all = new TextEncoder().encode('{"id":"reused","text":"One two three."}\n');
      for (let at = 0; at < all.length; at += 8) {
        const piece = all.subarray(at, at + 8);
        shared.fill(0);
        shared.set(piece);
        yield shared.subarray(0, piece.length);
      }
    }
    assert.deepEqual(await collect(reusing()), [
      { line: 1, item: { id: 'reused', text: 'One two three.', output: 'reused.wav' } },
    ]);
  });

  it('names the line and the byte that is not UTF-8, and reads on', async () => {
    const bad = Buffer.concat([Buffer.from('{"id":"x","text":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    const { items, errors } = await read('jsonl', bad, '{"id":"y","text":"Fine."}\n');
    assert.equal(errors[0]?.[1].code, 'encoding_invalid');
    assert.match(errors[0]?.[1].message ?? '', /byte 19 of the line \(0xff\)/);
    assert.equal(items[0]?.[0], 2);
  });

  it('refuses a line beyond the limit without holding it, and reads on', async () => {
    const { items, errors } = await read(
      'jsonl',
      `{"id":"x","text":"${'a'.repeat(600)}"}\n{"id":"y","text":"Fine."}\n`,
    );
    assert.equal(errors[0]?.[1].code, 'item_invalid');
    assert.equal(errors[0]?.[1].details.limit, 500);
    assert.match(errors[0]?.[1].message ?? '', /620 bytes long, the limit is 500 bytes/);
    assert.equal(items[0]?.[1].id, 'y');
  });

  it('says what is wrong with an entry that is no object', async () => {
    assert.match((await errorOf('[{"id":"a"},')).message, /one object a line/);
    assert.match((await errorOf('{"id":"a",')).message, /does not end with "}"/);
    assert.match((await errorOf('hello')).message, /does not start with "{"/);
    assert.match((await errorOf('{"id":"a" "text":1}')).message, /not valid JSON/);
    assert.match((await errorOf('[]')).message, /the entry must be an object \(found an array\)/);
    assert.match((await errorOf('null')).message, /the entry must be an object \(found null\)/);
  });

  it('never quotes a text', async () => {
    const error = await errorOf('{"id":"a","text":"very secret" "x"}');
    assert.doesNotMatch(error.message + String(error.cause), /secret/);
    assert.doesNotMatch((await errorOf({ id: 'a', text: ['secret'] })).message, /secret/);
  });

  it('names an unknown field, and the one that was meant', async () => {
    const error = await errorOf({ id: 'a', text: 'x', Voise: 'anna' });
    assert.equal(error.code, 'item_invalid');
    assert.equal(error.details.field, 'Voise');
    assert.equal(error.details.item, 'a');
    assert.match(error.message, /no field "Voise"; did you mean "voice"\?/);
    assert.doesNotMatch((await errorOf({ id: 'a', text: 'x', zzzzzzz: 1 })).message, /did you mean/);
  });

  const refused: [field: string, item: Record<string, unknown>, message: RegExp][] = [
    ['id', { id: '../x', text: 'x' }, /found "\.\.\/x"/],
    ['id', { id: '.hidden', text: 'x' }, /not start with '\.'/],
    ['id', { id: 'a/b', text: 'x' }, /found "a\/b"/],
    ['id', { id: 'x'.repeat(129), text: 'x' }, /1 to 128/],
    ['id', { id: '語'.repeat(100), text: 'x' }, /cannot be a file name.*200 bytes/],
    ['id', { id: 'Summary', text: 'x' }, /summary\.json/],
    ['id', { text: 'x' }, /found nothing/],
    ['id', { id: 5, text: 'x' }, /found 5/],
    ['text', { id: 'a' }, /give text or textFile/],
    ['text', { id: 'a', text: 5 }, /must be a string \(found 5\)/],
    ['textFile', { id: 'a', text: 'x', textFile: 'y' }, /one of them/],
    ['speed', { id: 'a', text: 'x', speed: 2.1 }, /from 0\.5 to 2 \(found 2\.1\)/],
    ['speed', { id: 'a', text: 'x', speed: '1' }, /from 0\.5 to 2 \(found "1"\)/],
    ['seed', { id: 'a', text: 'x', seed: -1 }, /2\^64 - 1 \(found -1\)/],
    ['seed', { id: 'a', text: 'x', seed: 1.5 }, /whole number/],
    ['seed', { id: 'a', text: 'x', seed: '18446744073709551616' }, /2\^64 - 1/],
    ['language', { id: 'a', text: 'x', language: 'English!' }, /language tag/],
    ['voice', { id: 'a', text: 'x', voice: '' }, /name of a voice/],
    ['output', { id: 'a', text: 'x', output: '../../etc/x' }, /starts with '\.'/],
    ['output', { id: 'a', text: 'x', output: '/etc/x' }, /relative path/],
    ['output', { id: 'a', text: 'x', output: 'a\\b' }, /must not hold/],
    ['output', { id: 'a', text: 'x', output: 'a.wav/b' }, /ends in \.wav/],
    ['output', { id: 'a', text: 'x', output: '' }, /empty parts/],
    ['output', { id: 'a', text: 'x', output: '.narrator/x' }, /starts with '\.'/],
    ['metadata.k', { id: 'a', text: 'x', metadata: { k: 1 } }, /strings only/],
    [
      'metadata',
      { id: 'a', text: 'x', metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, ''])) },
      /at most 16 pairs \(found 17 pairs\)/,
    ],
  ];
  for (const [field, item, message] of refused) {
    it(`refuses ${JSON.stringify(item).slice(0, 60)} for its ${field}`, async () => {
      const error = await errorOf(item);
      assert.equal(error.code, 'item_invalid');
      assert.equal(error.details.field, field);
      assert.match(error.message, message);
    });
  }

  it('refuses a manifest without items, and one with too many, as a whole', async () => {
    await assert.rejects(read('jsonl', '\n\n'), { code: 'manifest_invalid' });
    await assert.rejects(read('csv', 'id,text\n'), { code: 'manifest_invalid' });
    const lines = jsonLines(...Array.from({ length: 1001 }, (_, n) => ({ id: `i${n}`, text: 'x' })));
    await assert.rejects(read('jsonl', lines), (error: NarratorError) => {
      assert.equal(error.code, 'manifest_too_large');
      assert.equal(error.details.limit, 1000);
      assert.match(error.message, /^Line 1001: .*more than 1000 items/);
      return true;
    });
  });

  it('refuses UTF-16 as a whole, in each of its orders: every line would be an error', async () => {
    const line = jsonLines({ id: 'a', text: 'Hello.' });
    const littleEndian = Buffer.from(`\ufeff${line}`, 'utf16le');
    const manifests = [littleEndian, Buffer.from(littleEndian).swap16(), Buffer.from(line, 'utf16le')];
    for (const manifest of manifests) {
      await assert.rejects(read('jsonl', manifest), (error: NarratorError) => {
        assert.equal(error.code, 'manifest_invalid');
        assert.match(error.message, /^Line 1: .*UTF-16/);
        assert.match(error.hint, /UTF-8/);
        return true;
      });
    }
  });

  it('knows what is wrong with the whole before any item is read', async () => {
    const count = (format: ManifestFormat, ...parts: (string | Uint8Array)[]) =>
      countItems(bytes(...parts), format, limits);
    assert.equal(await count('jsonl', '\ufeff{"id":"a"}\n\nno JSON at all\n'), 2);
    assert.equal(await count('csv', 'id,text\na,"1\n2"\nb,x'), 2);
    await assert.rejects(count('csv', 'name,words\na,b\n'), { code: 'manifest_invalid', message: /unknown column/ });
    for (const empty of ['', '\n \n']) await assert.rejects(count('jsonl', empty), { code: 'manifest_invalid' });
    await assert.rejects(count('csv', 'id,text\n'), { code: 'manifest_invalid', message: /no items/ });
    await assert.rejects(count('jsonl', 'x\n'.repeat(1001)), { code: 'manifest_too_large' });
    await assert.rejects(count('jsonl', Buffer.from('ab', 'utf16le')), { code: 'manifest_invalid' });
  });

  it('takes inline items the same way', async () => {
    const inline = itemsAsManifest([{ id: 'a', text: 'Two\nlines.', speed: 1.5 }]);
    const entries = await collect(inline);
    assert.deepEqual(entries, [{ line: 1, item: { id: 'a', text: 'Two\nlines.', speed: 1.5, output: 'a.wav' } }]);
  });
});

async function collect(source: AsyncIterable<Uint8Array>) {
  const entries = [];
  for await (const entry of readManifest(source, 'jsonl', limits)) entries.push(entry);
  return entries;
}

describe('CSV', () => {
  it('takes quoted cells with commas, quotes and line breaks, and counts lines by the breaks', async () => {
    const csv = '\ufeffid,text,speed,seed,metadata.title\r\na,"Say ""hi"",\r\nplease.",1.5,9,One\r\nb,Plain.,,,\r\n';
    const { items, errors } = await read('csv', csv);
    assert.deepEqual(errors, []);
    assert.deepEqual(items, [
      [
        2,
        { id: 'a', text: 'Say "hi",\r\nplease.', speed: 1.5, seed: '9', metadata: { title: 'One' }, output: 'a.wav' },
      ],
      [4, { id: 'b', text: 'Plain.', output: 'b.wav' }],
    ]);
  });

  it('refuses a bad header as a whole: no line could be read', async () => {
    const refuse = (csv: string, message: RegExp) =>
      assert.rejects(read('csv', csv), { code: 'manifest_invalid', message });
    await refuse('id,txt\na,b\n', /unknown column "txt"; did you mean "text"\?/);
    await refuse('id;text\na;b\n', /unknown column "id;text"/);
    await refuse('text\nb\n', /no column 'id'/);
    await refuse('id,id\na,b\n', /'id' twice/);
    const wide = Array.from({ length: 255 }, (_, index) => `metadata.${index}`).join(',');
    assert.throws(() => parseCsvHeader(`id,text,${wide}`, 1), { message: /has 257 columns; the limit is 256/ });
    await refuse('id,metadata.\na,b\n', /unknown column "metadata\."/);
    await refuse('"id,text\na,b\n', /not valid CSV/);
    await assert.rejects(read('csv', Buffer.from([0x69, 0xff, 0x0a])), { code: 'manifest_invalid' });
  });

  it('names the line of a bad record, and reads on behind it', async () => {
    const rows = ['a,one,two', 'b,12" pipe', 'c,"open" end', 'd,fast,x', 'e,"fine"', 'f'];
    const { items, errors } = await read('csv', `id,text\n${rows.join('\n')}\n`);
    assert.deepEqual(
      errors.map(([line]) => line),
      [2, 3, 4, 5, 7],
    );
    assert.match(errors[0]?.[1].message ?? '', /3 cells, the header has 2/);
    assert.match(errors[1]?.[1].message ?? '', /not a valid CSV record/);
    assert.deepEqual(items, [[6, { id: 'e', text: 'fine', output: 'e.wav' }]]);
  });

  it('does not let a quote that is never closed swallow the rest', async () => {
    const filler = Array.from({ length: 40 }, (_, n) => `filler${n},aaaaaaaaaaaaaaaaaaaa`).join('\n');
    const { items, errors } = await read('csv', `id,text\na,"open\n${filler}\nlast,"Fine."\n`);
    assert.equal(errors[0]?.[0], 2);
    assert.match(errors[0]?.[1].message ?? '', /a quote that is never closed/);
    assert.deepEqual(items.at(-1), [43, { id: 'last', text: 'Fine.', output: 'last.wav' }]);
  });

  it('refuses a speed that is no number, with what was found', async () => {
    const { errors } = await read('csv', 'id,text,speed\na,x,fast\n');
    assert.match(errors[0]?.[1].message ?? '', /speed must be a number from 0\.5 to 2 \(found "fast"\)/);
  });
});
