import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DateFormat, sayAs, type SayAs } from '../../../src/text/say-as.ts';

type Kind = Exclude<SayAs['kind'], 'date' | 'reading'>;

test('English: each kind by its own rule', () => {
  for (const [kind, written, expected] of [
    ['characters', 'iPhone', 'I.P.H.O.N.E'],
    ['characters', 'A1 B2', 'A one, B two'],
    ['characters', 'x@y.com', 'X at Y dot C.O.M'],
    ['characters', 'Ａ１', 'A one'],
    ['cardinal', '-12.5', 'minus twelve point five'],
    ['cardinal', '+7', 'plus seven'],
    ['cardinal', 'XIV', 'fourteen'],
    ['cardinal', '2024', 'two thousand twenty-four'],
    ['ordinal', '21', 'twenty-first'],
    ['ordinal', '2nd', 'second'],
    ['ordinal', 'VIII', 'eighth'],
    ['digits', '2024', 'two zero two four'],
    ['telephone', '+1 (212) 555-0187', 'plus one, two one two, five five five, zero one eight seven'],
    ['fraction', '1 1/2', 'one and a half'],
    ['fraction', '½', 'one half'],
    ['time', '9:05', 'nine oh five'],
    ['unit', '20 °C', 'twenty degrees Celsius'],
  ] as const satisfies readonly (readonly [Kind, string, string])[]) {
    assert.equal(sayAs({ kind }, written, 'en'), expected, `${kind} ${written}`);
  }
});

test('Chinese: each kind by its own rule', () => {
  for (const [kind, written, expected] of [
    ['characters', 'B-12', 'B横杠一二'],
    ['cardinal', '12500', '一万两千五百'],
    ['cardinal', '-3.5', '负三点五'],
    ['ordinal', '3', '第三'],
    ['digits', '2024', '二零二四'],
    ['telephone', '138-1234-5678', '幺三八，幺二三四，五六七八'],
    ['fraction', '3/4', '四分之三'],
    ['fraction', '1 1/2', '一又二分之一'],
    ['unit', '5km', '五公里'],
    ['time', '14:30', '十四点三十分'],
  ] as const satisfies readonly (readonly [Kind, string, string])[]) {
    assert.equal(sayAs({ kind }, written, 'zh-CN'), expected, `${kind} ${written}`);
  }
});

test('dates by the order that their format gives', () => {
  for (const [format, written, english, chinese] of [
    ['mdy', '3/5/2024', 'March fifth, twenty twenty-four', '二零二四年三月五日'],
    ['dmy', '3.5.2024', 'May third, twenty twenty-four', '二零二四年五月三日'],
    ['ymd', '2024-03-05', 'March fifth, twenty twenty-four', '二零二四年三月五日'],
    ['ymd', '99/1/2', 'January second, nineteen ninety-nine', '一九九九年一月二日'],
    ['md', '0305', 'March fifth', '三月五日'],
    ['my', '3/2024', 'March twenty twenty-four', '二零二四年三月'],
    ['ym', '2024-03', 'March twenty twenty-four', '二零二四年三月'],
    ['y', '1905', 'nineteen oh five', '一九零五年'],
    ['m', '12', 'December', '十二月'],
    ['d', '31', 'thirty-first', '三十一日'],
    [undefined, '2024-03-05', 'March fifth, twenty twenty-four', '二零二四年三月五日'],
    [undefined, 'March 5, 2024', 'March fifth, twenty twenty-four', undefined],
  ] as const satisfies readonly (readonly [DateFormat | undefined, string, string, string | undefined])[]) {
    assert.equal(sayAs({ kind: 'date', format }, written, 'en'), english, `${format} ${written}`);
    if (chinese !== undefined)
      assert.equal(sayAs({ kind: 'date', format }, written, 'zh'), chinese, `${format} ${written}`);
  }
  assert.equal(sayAs({ kind: 'date', format: 'dmy' }, '3.5.2024', 'en-GB'), 'the third of May, twenty twenty-four');
});

test('what is nothing of the kind is not said at all', () => {
  for (const [kind, ...texts] of [
    ['characters', '', '★', '😀'],
    ['cardinal', 'many', '1.2.3', '1,23', ''],
    ['ordinal', 'first', '-1'],
    ['digits', '1a'],
    ['telephone', 'call me', '+', '()'],
    ['fraction', '3', '1/2/3', 'half'],
    ['time', '25:00', '14:60', 'soon'],
    ['unit', '5', 'km'],
  ] as const satisfies readonly (readonly [Kind, ...string[]])[]) {
    for (const text of texts) assert.equal(sayAs({ kind }, text, 'en'), undefined, `${kind} ${text}`);
  }
  for (const [format, text] of [
    ['mdy', '13/1/2024'],
    ['ymd', '2024-02'],
    [undefined, '12'],
    [undefined, 'soon'],
  ] as const) {
    assert.equal(sayAs({ kind: 'date', format }, text, 'en'), undefined, `${format} ${text}`);
  }
  assert.equal(sayAs({ kind: 'cardinal' }, '5', 'de'), undefined);
});
