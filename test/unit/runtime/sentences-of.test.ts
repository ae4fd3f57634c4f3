import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SentencesOptions, sentencesOf } from '../../../src/runtime/sentences-of.ts';

const FIRST = '今天早上天气非常好，我们一家人一起去公园里散步。';
const SECOND = 'The café was closed — naïve visitors still came to see it.';

async function texts(chunks: AsyncIterable<string | Uint8Array>, options?: SentencesOptions): Promise<string[]> {
  const all: string[] = [];
  for await (const { text } of sentencesOf(chunks, options)) all.push(text);
  return all;
}

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

test('characters of several bytes may be split over chunks; what is no UTF-8 is replaced', async () => {
  for (const size of [1, 2, 3, 5, 1000]) {
    assert.deepEqual(await texts(inPieces(Buffer.from(`${FIRST}\n${SECOND} 😀 `), size)), [FIRST, `${SECOND} 😀`]);
  }
  const broken = Buffer.from([0x61, 0xff, 0x62, 0xe4, 0xbb]);
  assert.deepEqual(await texts(inPieces(broken, 1)), ['a\ufffdb\ufffd']);
});

test('the text is read no further than the sentence that is asked for needs', async () => {
  let read = 0;
  async function* words() {
    for (; ; read += 1) yield ['The ', ...Array<string>(10).fill('word '), 'end. '][read % 12] ?? '';
  }
  const sentences = sentencesOf(words());
  await sentences.next();
  assert.equal(read, 12);
  await sentences.return();
});

test('a sentence without an end is given when it has waited long enough, and the text goes on', async () => {
  let more = (_text: string) => {};
  async function* slow() {
    yield 'Well, this is ';
    yield await new Promise<string>((resolve) => (more = resolve));
  }
  const sentences = sentencesOf(slow(), { maxWaitMs: 5 });
  assert.deepEqual((await sentences.next()).value, { text: 'Well,', pauseAfterMs: 80 });
  assert.deepEqual((await sentences.next()).value, { text: 'this is', pauseAfterMs: 0 });
  more('the end.');
  assert.deepEqual((await sentences.next()).value, { text: 'the end.', pauseAfterMs: 0 });
  assert.equal((await sentences.next()).done, true);
});

test('who stops asking closes the text, and does not wait for what it may never say', async () => {
  let isClosed = false;
  const source = {
    [Symbol.asyncIterator]: () => source,
    next: () => new Promise<IteratorResult<string>>((resolve) => (isFirst ? resolve(said()) : undefined)),
    return: () => {
      isClosed = true;
      return new Promise<IteratorResult<string>>(() => {});
    },
  };
  let isFirst = true;
  const said = () => {
    isFirst = false;
    return { done: false as const, value: 'Well, and ' };
  };
  for await (const { text } of sentencesOf(source, { maxWaitMs: 5 })) {
    assert.equal(text, 'Well,');
    break;
  }
  assert.equal(isClosed, true);
});

test('what was complete is given before the error of a text that breaks off', async () => {
  async function* breaking() {
    yield `${SECOND} And then the`;
    throw new Error('the connection was lost');
  }
  const sentences = sentencesOf(breaking());
  assert.equal((await sentences.next()).value?.text, SECOND);
  await assert.rejects(sentences.next(), /the connection was lost/);
  await assert.rejects(texts(breaking(), { maxCharacters: 10 }), RangeError);
});
