import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PinyinTable, pinyinTable } from '../../../../src/engine/f5/pinyin-table.ts';

const table = new PinyinTable('hang2 航\nyin2 银\nxing2 行\n\n银行 yin2 hang2\n银行业 yin2 hang2 ye4\n航行');

test('the longest phrase from a place on is found, else one character', () => {
  assert.equal(table.longestAt('去银行业务', 1), '银行业');
  assert.equal(table.longestAt('去银行取钱', 1), '银行');
  assert.equal(table.longestAt('去银行', 0), '去');
  assert.equal(table.longestAt('银', 0), '银');
});

test('a phrase has its own readings, or those of its characters', () => {
  assert.deepEqual(table.ofPhrase('银行'), ['yin2', 'hang2']);
  assert.deepEqual(table.ofPhrase('航行'), ['hang2', 'xing2']);
  assert.deepEqual(table.ofPhrase('行'), ['xing2']);
  assert.equal(table.ofCharacter('é'), 'é');
});

test('the table that is shipped has a well-formed syllable for every reading', () => {
  for (let code = 0x4e00; code < 0x9fa6; code++) {
    const character = String.fromCharCode(code);
    const reading = pinyinTable().ofCharacter(character);
    assert.ok(reading === character || /^(?:[a-z]{1,6}|ê)[1-4]?$/.test(reading), `${character} ${reading}`);
  }
});
