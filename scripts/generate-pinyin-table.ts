/**
 * Regenerates src/engine/f5/pinyin-data.ts: how pypinyin reads Chinese, as a compact table. Needed only when one of its
 * sources is replaced (the generated file is committed).
 *
 *   npm pack pinyin@4.0.0                                       its phrases, unpacked: --phrases package/lib/cjs/pinyin.js
 *   apt-get download golang-github-mozillazg-go-pinyin-dev      its characters, unpacked: --characters …/pinyin_dict.go
 *   npm pack @pinyin-pro/data@1.3.1                             words of today's dictionary: --words package/json/modern.json
 *   scripts/pinyin/corrections.txt                              what a later phrase-pinyin-data has
 *
 * Licences: scripts/pinyin/README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';

const TARGET = join(import.meta.dirname, '../src/engine/f5/pinyin-data.ts');
const CORRECTIONS = join(import.meta.dirname, 'pinyin/corrections.txt');
const LINE_LENGTH = 116;
/** Beyond it upstream never looks a character up: it takes four bytes in UTF-8. */
const LAST_CODE_POINT = 0xffff;

const path = { type: 'string' } as const;
const { values } = parseArgs({ options: { phrases: path, characters: path, words: path } });
if (values.phrases === undefined || values.characters === undefined || values.words === undefined) {
  throw new Error(
    'usage: generate-pinyin-table.ts --phrases pinyin.js --characters pinyin_dict.go --words modern.json',
  );
}
const characterSource = readFileSync(values.characters, 'utf8');
const characters = readCharacters(characterSource);
const phrases = readPhrases(readFileSync(values.phrases, 'utf8'));
mendSlips(phrases, characters, allSyllables(characterSource));
addWords(phrases, characters, readFileSync(values.words, 'utf8'));
correct(phrases, characters, readFileSync(CORRECTIONS, 'utf8'));

const table = `${characterLines(characters).join('\n')}\n\n${phraseLines(phrases, characters).join('\n')}`;
writeFileSync(TARGET, moduleText(table));
console.log(`${characters.size} characters, ${phrases.size} phrases`);

/** `0x4E2D: "zhōng,zhòng",`: the first reading is the one that pypinyin gives a character that stands alone. */
function readCharacters(source: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, code, reading] of source.matchAll(/0x([0-9A-F]+):\s*"([^",]+)/g)) {
    const codePoint = Number.parseInt(code!, 16);
    if (codePoint <= LAST_CODE_POINT) found.set(String.fromCodePoint(codePoint), toneAsDigit(reading!));
  }
  return found;
}

/** `"中国": [["zhōng"], ["guó"]],` within the bundle. */
function readPhrases(source: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const start = source.indexOf('phrases_dict = {');
  // A table of surnames follows, with readings that hold for surnames only.
  const end = source.indexOf('\n};', start);
  for (const [, phrase, list] of source.slice(start, end).matchAll(/^\s*"([^"]+)": (\[\[.*\]\]),?$/gm)) {
    const readings = (JSON.parse(list!) as string[][]).map(([first]) => toneAsDigit(first!));
    // A phrase without a single tone is an entry that nobody finished.
    if (readings.length === [...phrase!].length && /\d/.test(readings.join(''))) found.set(phrase!, readings);
  }
  return found;
}

/**
 * `"银行": ["yín háng", 7.684e-9],`: words that the phrases lack and in which a character has another syllable than alone
 * (行, 着, 长). Of those, phrase-pinyin-data has come to have most. Other tones and neutral tones it mostly has not.
 */
function addWords(found: Map<string, string[]>, single: ReadonlyMap<string, string>, source: string): void {
  for (const [word, [list]] of Object.entries(JSON.parse(source) as Record<string, [string, number]>)) {
    const readings = list.split(' ').map(toneAsDigit);
    const characters = [...word];
    if (found.has(word) || characters.length < 2 || readings.length !== characters.length) continue;
    if (!characters.every((character) => single.has(character))) continue;
    if (characters.every((character, index) => withoutTone(single.get(character)!) === withoutTone(readings[index]!)))
      continue;
    found.set(word, readings);
  }
}

/** Every syllable that some character has, without its tone. */
function allSyllables(source: string): Set<string> {
  const lists = [...source.matchAll(/0x[0-9A-F]+:\s*"([^"]+)/g)].flatMap(([, list]) => list!.split(','));
  return new Set(lists.map((reading) => withoutTone(toneAsDigit(reading))));
}

/** What is no syllable at all is a slip of the pen (xhǎo): the character's own reading takes its place. */
function mendSlips(found: Map<string, string[]>, single: ReadonlyMap<string, string>, syllables: Set<string>): void {
  for (const [phrase, readings] of found) {
    for (const [index, character] of [...phrase].entries()) {
      if (!syllables.has(withoutTone(readings[index]!))) readings[index] = single.get(character) ?? character;
    }
  }
}

function correct(found: Map<string, string[]>, single: Map<string, string>, corrections: string): void {
  // zha1 is the surname only. phrase-pinyin-data put it right in all words (its version 0.8.3).
  for (const [phrase, readings] of found) {
    for (const [index, character] of [...phrase].entries()) {
      if (character === '查' && readings[index] === 'zha1') readings[index] = 'cha2';
    }
  }
  for (const line of corrections.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [phrase, list = ''] = line.split(/: ?/);
    if (list === '') {
      found.delete(phrase!);
      continue;
    }
    const readings = list.split(' ').map(toneAsDigit);
    if (readings.length !== [...phrase!].length) throw new Error(`not one reading a character: ${line}`);
    if (readings.length === 1) single.set(phrase!, readings[0]!);
    else found.set(phrase!, readings);
  }
}

/** One line a reading: `zhong1 中忠…`. */
function characterLines(found: ReadonlyMap<string, string>): string[] {
  const byReading = new Map<string, string>();
  for (const [character, reading] of found) byReading.set(reading, (byReading.get(reading) ?? '') + character);
  return [...byReading].sort(([a], [b]) => (a < b ? -1 : 1)).map(([reading, list]) => `${reading} ${list}`);
}

/** One line a phrase, with readings only where they are not those of its characters. */
function phraseLines(found: ReadonlyMap<string, readonly string[]>, single: ReadonlyMap<string, string>): string[] {
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([phrase, readings]) =>
      [...phrase].every((character, index) => single.get(character) === readings[index])
        ? phrase
        : `${phrase} ${readings.join(' ')}`,
    );
}

/** zhōng to zhong1; ü to v; the neutral tone has no digit. */
function toneAsDigit(reading: string): string {
  let tone = '';
  const letters = reading.normalize('NFD').replace(/[\u0304\u0301\u030c\u0306\u0300]/g, (mark) => {
    // A breve is a misspelt caron.
    tone = { '\u0304': '1', '\u0301': '2', '\u030c': '3', '\u0306': '3', '\u0300': '4' }[mark]!;
    return '';
  });
  return letters.replace(/u\u0308/g, 'v').normalize('NFC') + tone;
}

function withoutTone(reading: string): string {
  return reading.replace(/[1-4]$/, '');
}

function moduleText(text: string): string {
  const compressed = brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 },
  }).toString('base64');
  const lines = compressed.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g'))!;
  return [
    '// Generated by scripts/generate-pinyin-table.ts. Do not edit.',
    '// From pinyin-data and phrase-pinyin-data (MIT, (c) mozillazg) and the phrases of the npm package pinyin (MIT, (c) hotoo).',
    '/** Brotli in base64: see pinyin-table.ts for what is in it. */',
    'export const PINYIN_DATA = `',
    ...lines,
    '`;',
    '',
  ].join('\n');
}
