import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentText } from '../../../src/text/segment-text.ts';
import { PAUSE_MS } from '../../../src/text/pauses.ts';
import { assertNothingLost } from './random-text.ts';
import { assertRefused, pauses, said, written } from './spoken.ts';

test('a voice speaks from its tag to the next, and [voice] gives the word back to that of the item', () => {
  for (const [text, expected] of [
    ['[voice:anna]Good morning.', ['anna: Good morning.']],
    ['He said [voice:anna]good morning[voice] and left.', ['He said', 'anna: good morning', 'and left.']],
    ['[voice:anna]One, and more.[/voice] Two, and more.', ['anna: One, and more.', 'Two, and more.']],
    ['[voice:anna]One.\n\nTwo.\n\n[voice:ben]Three.', ['anna: One.', 'anna: Two.', 'ben: Three.']],
    ['[voice:anna][voice:ben]Both.', ['ben: Both.']],
    ['[voice:mei]你好。 [voice]Hello.', ['mei: 你好。', 'Hello.']],
    ['A. [voice:anna] [voice] B.', ['A. B.']],
  ] as const) {
    assert.deepEqual(said(text, 'tags'), expected, text);
  }
});

test('F5-TTS’s own [anna] and [main] are switches where a line begins, if there is such a voice; else they are text', () => {
  for (const [text, expected] of [
    ['[anna] Good morning.\n[ben] Hello.\n[main] They met.', ['anna: Good morning.', 'ben: Hello.', 'They met.']],
    ['  [anna]Good morning.', ['anna: Good morning.']],
    ['[carol] said so.', ['carol, said so.']],
    ['They met [anna] today.', ['They met, anna, today.']],
    ['[main] as it is.', ['as it is.']],
  ] as const) {
    assert.deepEqual(said(text, 'tags'), expected, text);
    assert.deepEqual(said(text, 'markdown'), expected, text);
  }
  assert.deepEqual(said('> [anna] One.\n\n- [ben] Two.\n\n[anna](http://a.b) Three.', 'markdown'), [
    'anna: One.',
    'ben: Two.',
    'ben: anna Three.',
  ]);
});

test('[speed] is that of a stretch, the inner one of two, and the speaker stays who it is', () => {
  for (const [text, expected] of [
    ['It is [speed 0.8]very slow[/speed], really.', ['It is', '0.8: very slow,', 'really.']],
    ['[speed 0.5]a [speed:2]b[/speed] c[/speed] d', ['0.5: a', '2: b', '0.5: c', 'd']],
    ['[speed 1.5][voice:anna]a[/speed] b', ['anna 1.5: a', 'anna: b']],
  ] as const) {
    assert.deepEqual(said(text, 'tags'), expected, text);
  }
});

test('[spell] is said character by character, in the language around it', () => {
  for (const [text, expected] of [
    ['Gate [spell]ABC-12[/spell], please.', 'Gate A.B.C dash one two, please.'],
    ['Write [spell]it[/spell] so.', 'Write I.T so.'],
    ['座位是[spell]B-12[/spell]。', '座位是B横杠一二。'],
  ] as const) {
    assert.deepEqual(said(text, 'tags'), [expected], text);
    assert.deepEqual(said(text, 'markdown'), [expected], text);
  }
  assert.deepEqual(said('Gate [spell]ABC[/spell].', 'tags', { normalise: 'off' }), ['Gate A.B.C.']);
});

test('pauses are those that are written, those of turns and those of the marks before a switch', () => {
  for (const [text, expected] of [
    ['He waited. [pause 2.5s] Then he spoke. [pause] Yes.', [2500, 700, 0]],
    ['[anna] One.\n[ben] Two.\n\n[anna] Three.', [450, PAUSE_MS.paragraph, 0]],
    ['He said: [voice:anna]yes.[voice] Then no.', [PAUSE_MS.clause, PAUSE_MS.sentence, 0]],
    ['He [voice:anna]is[voice] here.', [PAUSE_MS.clause, PAUSE_MS.clause, 0]],
    ['So [speed 0.8]slow, [/speed] so fast.', [PAUSE_MS.cut, PAUSE_MS.clause, 0]],
    ['One. [pause 1s][voice:anna][pause 3s]Two.', [3000, 0]],
  ] as const) {
    assert.deepEqual(pauses(text, 'tags'), expected, text);
  }
});

test('without tags a text is what it is as plain text, and plain text has no tags', () => {
  const text = 'One [1] two.\nA list (of [these]) and more, as it was.\n\n"Quoted [sic]", he said.';
  const options = { language: 'en', maxBytes: 60 } as const;
  assert.deepEqual(segmentText(text, { ...options, markup: 'tags' }), segmentText(text, options));
  assert.deepEqual(said('[voice:zoe] and [pause long].', 'none'), ['voice:zoe, and, pause long.']);
});

test('a backslash, and code in Markdown, make text of a tag', () => {
  assert.deepEqual(said('Write \\[pause] there.', 'tags'), ['Write, pause, there.']);
  assert.deepEqual(said('Write `[speed 9]` or \\[pause] there.', 'markdown'), ['Write, speed nine, or, pause, there.']);
});

test('what is written is the text with its tags, each with what it is about', () => {
  const text = 'He said: [voice:anna]yes.[voice] Then\n[ben] I [speed 0.8]go[/speed]. [pause 1s] Bye.';
  assert.deepEqual(written(text, 'tags'), [
    'He said:',
    '[voice:anna]yes.',
    '[voice] Then',
    '[ben] I',
    '[speed 0.8]go[/speed]. [pause 1s]',
    'Bye.',
  ]);
  assertNothingLost(text, written(text, 'tags'));
});

test('a tag that cannot be understood is an error with its place', () => {
  for (const [text, place, message] of [
    ['One.\n\nTwo [pause long].', '3:5', /\[pause long\], which is no pause/],
    ['[pause 11s]', '1:1', /11000 ms long; the limit is 10000 ms/],
    ['[/pause]', '1:1', /a pause has no end/],
    ['a\r\nb [speed 3]c[/speed]', '2:3', /\[speed 3\], which is beyond the limits of 0.5 and 2/],
    ['[speed fast]c[/speed]', '1:1', /\[speed fast\], which is no speed/],
    ['[speed]c[/speed]', '1:1', /\[speed\], which is no speed/],
    ['a [speed 0.8] b', '1:3', /\[speed 0.8\] without its \[\/speed\]/],
    ['a [/speed]', '1:3', /which is not open/],
    ['[spell]ABC', '1:1', /not closed by a \[\/spell\] on the same line/],
    ['[spell]A\nB[/spell]', '1:1', /not closed/],
    ['a[/spell]', '1:2', /not opened/],
    ['[spell]★[/spell]', '1:1', /"★", which cannot be said as characters/],
    ['[voice over] a', '1:1', /no switch of the voice/],
    ['[voice:a b] a', '1:1', /no name of a voice/],
    ['a\n[voice:nobody] b', '2:1', /names the voice "nobody", which is not there; there are anna, ben, mei\./],
    ['[voice:Ann] b', '1:1', /did you mean "anna"\?$/],
  ] as const) {
    assertRefused(text, 'tags', place, message);
    assertRefused(text, 'markdown', place, message);
  }
});

test('voices and tags of one text are bounded', () => {
  const names = Array.from({ length: 65 }, (_, at) => `v${at}`);
  const voices = new Map(names.map((name) => [name, { language: 'en' }]));
  const cast = (count: number) =>
    names
      .slice(0, count)
      .map((name) => `[voice:${name}]a`)
      .join(' ');
  const options = { language: 'en', maxBytes: 100, markup: 'tags', voices } as const;
  assert.equal(segmentText(cast(64), options).length, 64);
  assert.throws(() => segmentText(cast(65), options), {
    code: 'item_invalid',
    message: /the 65th voice; the limit is 64/,
  });
  assert.throws(() => segmentText('[pause]'.repeat(100_001), options), {
    code: 'item_invalid',
    message: /limit of 100000/,
  });
});
