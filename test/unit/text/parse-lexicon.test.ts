import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { type LexiconFormat, parseLexicon } from '../../../src/text/parse-lexicon.ts';

const pls = (lexemes: string, attributes = 'alphabet="ipa" xml:lang="en-US"') =>
  `<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" ${attributes}>
${lexemes}</lexicon>`;
const refused = (table: readonly (readonly [string, LexiconFormat, RegExp])[]) => {
  for (const [text, format, message] of table) {
    assert.throws(
      () => parseLexicon(text, format, `names.${format}`),
      (error) => error instanceof NarratorError && error.code === 'config_invalid' && message.test(error.message),
      String(message),
    );
  }
};

test('lexicons come as JSON and as CSV', () => {
  const entries = [
    { written: 'SQL', spoken: 'sequel' },
    { written: 'a, b', spoken: 'a "b"', language: 'en', matchCase: true },
  ];
  const rows = [
    { written: 'SQL', spoken: 'sequel' },
    { written: ' a,  b', spoken: 'a "b"', language: 'en-GB', matchCase: true },
  ];
  const csv =
    '\ufeffwritten,spoken,language,matchCase\r\n# a remark\r\nSQL,sequel,,\r\n"a, b","a ""b""",en-GB,true\r\n';
  assert.deepEqual(parseLexicon(JSON.stringify(rows), 'json'), { entries, skipped: [] });
  assert.deepEqual(parseLexicon(csv, 'csv').entries, entries);
  assert.deepEqual(parseLexicon('{"SQL": "sequel"}', 'json').entries, entries.slice(0, 1));
});

test('lexicons come as PLS: every grapheme, with the preferred alias or else the first', () => {
  const { entries } = parseLexicon(
    pls(`<meta name="x" content="y"/>
<lexeme><grapheme>W3C</grapheme><alias>World Wide Web &amp; more</alias></lexeme>
<lexeme xml:id="b" role="x"><grapheme>color</grapheme><grapheme>colour</grapheme>
  <alias>first</alias><alias prefer="true">second</alias><example>a colour</example></lexeme>
<lexeme xml:lang="fr"><grapheme>chat</grapheme><phoneme>ʃa</phoneme><alias>shah</alias></lexeme>
<lexeme><grapheme>W3C</grapheme><alias>a homograph</alias></lexeme>`),
    'pls',
  );
  assert.deepEqual(entries, [
    { written: 'W3C', spoken: 'World Wide Web & more', language: 'en' },
    { written: 'color', spoken: 'second', language: 'en' },
    { written: 'colour', spoken: 'second', language: 'en' },
    { written: 'chat', spoken: 'shah', language: 'fr' },
  ]);
});

test('phonemes in pinyin are readings of Chinese words', () => {
  const { entries, skipped } = parseLexicon(
    pls(
      `<lexeme><grapheme>行长</grapheme><phoneme>hang2 zhang3</phoneme></lexeme>
<lexeme><grapheme>重庆</grapheme><phoneme alphabet="x-amazon-pinyin">chong2-qing4</phoneme></lexeme>
<lexeme><grapheme>银行</grapheme><phoneme>yin2</phoneme></lexeme>`,
      'alphabet="pinyin" xml:lang="zh-CN"',
    ),
    'pls',
  );
  assert.deepEqual(entries, [
    { written: '行长', spoken: '{行长|hang2 zhang3}', language: 'zh' },
    { written: '重庆', spoken: '{重庆|chong2 qing4}', language: 'zh' },
  ]);
  assert.deepEqual(skipped, ['"银行" in line 5 (pinyin)']);
});

test('words in other alphabets are skipped and named; a lexicon of nothing else is refused', () => {
  const ipa = '<lexeme><grapheme>tomato</grapheme><phoneme>təˈmeɪtəʊ</phoneme></lexeme>';
  const alias = '<lexeme><grapheme>SQL</grapheme><alias>sequel</alias></lexeme>';
  assert.deepEqual(parseLexicon(pls(`${alias}\n${ipa}`), 'pls').skipped, ['"tomato" in line 4 (ipa)']);
  refused([[pls(ipa), 'pls', /names\.pls: has no entry that can be used: "tomato" in line 3 \(ipa\)/]]);
  assert.deepEqual(parseLexicon(pls(''), 'pls').entries, []);
});

test('what is wrong with a lexicon is said by file, line, entry and field', () => {
  refused([
    ['{', 'json', /^The lexicon names\.json: is not JSON/],
    ['5', 'json', /neither an object nor an array/],
    ['[5]', 'json', /entry 1 is not an object/],
    ['{"a": 5}', 'json', /entry 1: spoken must be a string/],
    ['{"a": "b", " ": "x"}', 'json', /entry 2: written is empty/],
    [
      '[{"written": "a", "spoken": "b", "lang": "en"}]',
      'json',
      /entry 1 has a field "lang"; there are written, spoken/,
    ],
    ['[{"written": "a", "spoken": "b", "language": 5}]', 'json', /entry 1: language must be a tag/],
    [`{"${'a'.repeat(201)}": "x"}`, 'json', /written has 201 characters; the limit is 200/],
    ['written,spoken\na,"b', 'csv', /CSV in line 2/],
    ['written,spoken\na,b,c', 'csv', /CSV in line 2/],
    ['written,spoken\na,', 'csv', /line 2: spoken must be a string/],
    ['written,spoken,matchCase\na,b,maybe', 'csv', /line 2: matchCase must be true or false/],
    [pls('<lexeme><alias>x</alias></lexeme>'), 'pls', /names\.pls: the lexeme in line 3 has no grapheme/],
    [pls('\n<lexeme><grapheme>x</grapheme></lexeme>'), 'pls', /line 4, "x", has neither alias nor phoneme/],
    [pls(`<lexeme><grapheme>${'x'.repeat(201)}</grapheme><alias>y</alias></lexeme>`), 'pls', /line 3: written has 201/],
    [pls('<lexeme>'), 'pls', /names\.pls: line 3, column \d+ of the file is not well-formed/],
    ['<!DOCTYPE lexicon [<!ENTITY x "y">]><lexicon/>', 'pls', /definitions, which are not read/],
    ['<speak/>', 'pls', /line 1, column 1 has the element speak/],
    [JSON.stringify(Array.from({ length: 100_001 }, () => 1)), 'json', /entry 1 is not an object/],
  ]);
});
