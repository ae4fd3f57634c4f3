/** Texts over all of Unicode, made of what the rules look for and of anything else; the same ones for the same seed. */
import assert from 'node:assert/strict';

/** mulberry32 */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ATOMS = [
  ...' \n\t.,!?;:\'"()[]-–—…·。，！？；：、“”（）《》0123456789%$£€¥°²½①Ⅳ٣３Ａ&@#+=<>~/\\|*_^',
  ...['Dr. ', 'J. ', 'U.S.', 'e.g. ', 'p.m. ', 'NASA', 'FBI', 'Chapter IV', 'March 5, 2024', '3:45', '1/2', '10–20 km'],
  ...[
    'word ',
    'Word ',
    'it’s ',
    'naïve',
    '是',
    '你好',
    '北京大学',
    '第',
    '年',
    '号',
    '比分',
    '拨打',
    'Room ',
    'rated ',
  ],
  ...[
    '😀',
    '👨‍👩‍👧‍👦',
    '🇺🇸',
    '\u0301',
    '\u200d',
    '\ufeff',
    '\ud800',
    '\udc00',
    '\r\n',
    '\u2029',
    '\u0000',
    '\u00a0',
    '\u3000',
  ],
  ...['กา', 'नमस्ते', 'مرحبا', 'Привет', 'かな', '𝟏𝐀', 'ß', 'ﬁ', 'a'.repeat(30), '9'.repeat(25)],
  ...['https://a.b/c?d', 'x@y.com', '192.168.0.1', '1e-9', '-5°C', 'HK$', '/kg', '2024-03-05T', '{行|hang2}'],
];

export function randomText(next: () => number, atomsMax: number): string {
  return Array.from({ length: Math.floor(next() * atomsMax) }, () =>
    next() < 0.15
      ? String.fromCodePoint(Math.floor(next() * (next() < 0.5 ? 0x3000 : 0x110000)))
      : (ATOMS[Math.floor(next() * ATOMS.length)] ?? ''),
  ).join('');
}

/** The promise: `written` in order is the text, but for white space between segments, and lone surrogates as U+FFFD. */
export function assertNothingLost(text: string, written: readonly string[]): void {
  const whole = text.replace(/\p{Cs}/gu, '\ufffd');
  let at = 0;
  for (const part of written) {
    const skipped = /^\s*/.exec(whole.slice(at))?.[0].length ?? 0;
    assert.equal(whole.slice(at + skipped, at + skipped + part.length), part);
    at += skipped + part.length;
  }
  assert.equal(whole.slice(at).trim(), '');
}
