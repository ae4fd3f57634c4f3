import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalise } from '../../../src/text/normalise.ts';
import { CHINESE_CASES } from './chinese-cases.ts';
import { DAY_FIRST_CASES, ENGLISH_CASES } from './english-cases.ts';
import { cardinal, ordinal, year } from '../../../src/text/english/numbers.ts';

for (const [rule, cases] of Object.entries(ENGLISH_CASES)) {
  test(`English: ${rule}`, () => {
    for (const [written, spoken] of cases) assert.equal(normalise(written, 'en'), spoken);
  });
}

test('a numeric date is read in the order of its region, month first where there is none', () => {
  for (const tag of ['en-GB', 'en-AU', 'en-Latn-IE', 'EN-in', 'en-001']) {
    for (const [written, spoken] of DAY_FIRST_CASES) assert.equal(normalise(written, tag), spoken);
  }
  for (const tag of ['en', 'en-US', 'en-PH', 'en-x-gb']) {
    assert.equal(normalise('on 03/04/2026', tag), 'on March fourth, twenty twenty-six');
  }
});

test('the tables are as long as they are meant to be', () => {
  for (const [cases, atLeast] of [
    [ENGLISH_CASES, 250],
    [CHINESE_CASES, 150],
  ] as const) {
    const written = Object.values(cases).flatMap((rows) => rows.map(([row]) => row));
    assert.ok(new Set(written).size >= atLeast);
  }
});

test('what is normalised stays as it is', () => {
  for (const [language, cases] of [
    ['en', ENGLISH_CASES],
    ['zh', CHINESE_CASES],
  ] as const) {
    for (const [, spoken] of Object.values(cases).flat()) assert.equal(normalise(spoken, language), spoken);
  }
});

test('English leaves only letters, space and the marks that a model without digits knows', () => {
  const everything = Array.from({ length: 0x2fff }, (_, code) => String.fromCharCode(code + 1)).filter(
    (character) => !/\p{L}/u.test(character) || /\p{Script=Latin}/u.test(character),
  );
  for (const character of everything) {
    assert.match(
      normalise(`a ${character} b`, 'en'),
      /^[A-Za-z.,!?;:'" \p{Script=Latin}-]*$/u,
      JSON.stringify(character),
    );
  }
});

test('numbers in words reach a quadrillion and every ordinal and year has its form', () => {
  assert.equal(cardinal('999999999999999999').split(' ')[0], 'nine');
  assert.equal(ordinal('1000000000'), 'one billionth');
  assert.equal(ordinal('90'), 'ninetieth');
  assert.equal(year('1010'), 'ten ten');
});
