import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ItemPart } from '../../../src/core/shard.ts';
import { textLines, textRecord } from '../../../src/cli/show-text.ts';

const segment = { key: 'k', language: 'en', frames: 10, seed: '1', pauseAfterMs: 0 };
const PART: ItemPart = {
  line: 3,
  item: 'a',
  output: 'a.wav',
  voice: { id: 'slt', version: 'v', promptSamples: 1 },
  parameters: { steps: 32, cfg: 2, sway: -1, speed: 1 },
  firstSegment: 0,
  totalSegments: 2,
  segments: [
    { ...segment, text: 'It is five.', written: 'It is\n5. 😀\u001b', pauseAfterMs: 350, silent: '😀' },
    { ...segment, text: 'As it is.' },
  ],
  unknownCharacters: ['é'],
};

test('every segment is a line, with what is said where that differs, its pause and what is not said', () => {
  assert.deepEqual(
    [...textLines(PART)],
    [
      'a (line 3, voice slt)',
      '   1 en | It is ⏎ 5. 😀\\u001b',
      '       -> | It is five.',
      '          | pause 350 ms; not said: 😀',
      '   2 en | As it is.',
      '          | unknown to the model, not heard: é',
    ],
  );
});

test('programs get the same', () => {
  const { segments, unknownCharacters } = textRecord(PART);
  assert.deepEqual(unknownCharacters, ['é']);
  assert.deepEqual(segments[1], {
    written: 'As it is.',
    spoken: 'As it is.',
    language: 'en',
    voice: undefined,
    speed: undefined,
    pauseAfterMs: 0,
    silent: undefined,
  });
});

test('a voice and a speed are shown where they are not those of the item', () => {
  const [segment] = PART.segments;
  assert.ok(segment);
  const voice = { id: 'rms', version: 'v2', promptSamples: 1 };
  const part = { ...PART, segments: [{ ...segment, voice, speed: 0.8 }] };
  assert.equal([...textLines(part)][1], '   1 en rms speed 0.8 | It is ⏎ 5. 😀\\u001b');
  const [shown] = textRecord(part).segments;
  assert.deepEqual([shown?.voice, shown?.speed], ['rms', 0.8]);
});
