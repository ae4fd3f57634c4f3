import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalise } from '../../../src/text/normalise.ts';
import { CHINESE_CASES } from './chinese-cases.ts';

for (const [rule, cases] of Object.entries(CHINESE_CASES)) {
  test(`Chinese: ${rule}`, () => {
    for (const [written, spoken] of cases) assert.equal(normalise(written, 'zh'), spoken);
  });
}

test('other languages keep their numbers and lose only what nobody says', () => {
  assert.equal(normalise('Dr. Müller  hat 5 Äpfel 😀', 'de'), 'Dr. Müller hat 5 Äpfel');
});
