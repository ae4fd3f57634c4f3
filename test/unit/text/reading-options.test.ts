import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalise } from '../../../src/text/normalise.ts';

test('basic changes characters and punctuation, and puts nothing in words', () => {
  for (const [language, written, spoken] of [
    ['en', '“Dr. Smith” paid  $5 — 50% (or 3–4)', '"Dr. Smith" paid $5, 50%, or 3-4'],
    ['en', 'step ② of the NASA ＣＡＦÉ, B2B', 'step 2 of the NASA CAFE, B2B'],
    ['zh', '“他”花了$5——50%（或3—4）', '“他”花了$5，50%，或3-4'],
    ['zh', '《书》「好」 ２个。。。', '书“好”2个...'],
    ['de', 'Dr.  Müller – 5 €  😀', 'Dr. Müller – 5 €'],
  ] as const) {
    assert.equal(normalise(written, language, { normalise: 'basic' }), spoken);
    assert.equal(normalise(spoken, language, { normalise: 'basic' }), spoken);
  }
});

test('off changes white space, and nothing else', () => {
  const written = ' “Dr. Smith”\u00a0paid  $5 — ② 😀 5G B2B ';
  assert.equal(normalise(written, 'en', { normalise: 'off', emoji: 'name' }), '“Dr. Smith” paid $5 — ② 😀 5G B2B');
});

test('emoji are named on request, repeated ones once, those without a name never', () => {
  for (const [language, written, spoken] of [
    ['en', 'I ❤️ it!', 'I red heart it!'],
    ['en', 'So good 😂😂😂.', 'So good tears of joy.'],
    ['en', 'Yes 👍🏽 yes', 'Yes thumbs up yes'],
    ['en', 'A 🪤 trap', 'A trap'],
    ['zh', '太好了😂！', '太好了笑哭！'],
    ['de', 'Gut 😂', 'Gut'],
  ] as const) {
    assert.equal(normalise(written, language, { emoji: 'name' }), spoken);
  }
});
