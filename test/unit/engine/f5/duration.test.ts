import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../../src/core/errors.ts';
import {
  maxTextBytes,
  promptFrames,
  speechFrames,
  utf8Bytes,
  withFullStop,
} from '../../../../src/engine/f5/duration.ts';
import { golden } from './tiny-golden.ts';

const pace = { promptFrames: 306, transcriptBytes: 63 };

test('the rule gives the length that the official code gave', () => {
  const reference = { promptFrames: golden.promptFrames, transcriptBytes: utf8Bytes(golden.transcript) };
  assert.equal(golden.promptFrames + speechFrames(utf8Bytes(golden.text), reference, 1), golden.duration);
});

test('twice the speed takes half the frames', () => {
  assert.equal(speechFrames(200, { promptFrames: 300, transcriptBytes: 60 }, 1), 1000);
  assert.equal(speechFrames(200, { promptFrames: 300, transcriptBytes: 60 }, 2), 500);
});

test('a prompt counts its whole hops', () => {
  assert.deepEqual(
    [0, 255, 256, 78_336].map((samples) => promptFrames(samples, 256)),
    [0, 0, 1, 306],
  );
});

test('short texts have room for their word: from 0.6 seconds to the second from which on the rule holds', () => {
  for (const text of ['Hi.', 'OK', 'No.', 'Unit one', 'Chapter two', '是。', '好的。']) {
    const frames = speechFrames(utf8Bytes(text), pace, 1);
    assert.ok(frames >= 56 && frames < 94, `${text}: ${frames}`);
    assert.ok(Math.abs(speechFrames(utf8Bytes(text), pace, 2) - frames / 2) <= 1);
  }
  assert.equal(speechFrames(utf8Bytes('Hi.'), pace, 1), 61);
  const rule = (bytes: number) => Math.floor((pace.promptFrames / pace.transcriptBytes) * bytes);
  for (let bytes = 20; bytes < 200; bytes++) assert.equal(speechFrames(bytes, pace, 1), rule(bytes));
});

test('a short text that ends in a word is spoken with a full stop', () => {
  for (const [text, spoken] of [
    ['Unit one', 'Unit one.'],
    ['是', '是。'],
    ['{行|hang2}', '{行|hang2}.'],
    ['No.', 'No.'],
    ['"What?"', '"What?"'],
    ['是。', '是。'],
    ['first,', 'first,'],
  ] as const) {
    assert.equal(withFullStop(text, 70, 1), spoken);
    assert.equal(withFullStop(text, 94, 1), text);
    assert.equal(withFullStop(text, 40, 2), spoken);
  }
});

test('no text gets less than a shorter one', () => {
  const frames = Array.from({ length: 60 }, (_, bytes) => speechFrames(bytes + 1, pace, 1));
  assert.deepEqual(
    frames,
    frames.toSorted((a, b) => a - b),
  );
});

test('every text that maxTextBytes allows fits, and a longer one does not', () => {
  for (let seed = 0; seed < 3000; seed++) {
    const voice = { promptFrames: 60 + ((seed * 37) % 900), transcriptBytes: 2 + ((seed * 53) % 300) };
    const speed = 0.3 + ((seed * 7) % 34) / 10;
    const planFrames = voice.promptFrames + 240 + ((seed * 101) % 2000);
    const most = maxTextBytes(voice, speed, planFrames);
    const total = (bytes: number) => voice.promptFrames + speechFrames(bytes, voice, speed);
    assert.ok(most >= 1);
    assert.ok(total(most) <= planFrames, `${most} bytes take ${total(most)} of ${planFrames} frames`);
    assert.ok(total(most + 1) > planFrames, `${most + 1} bytes would have fitted as well`);
  }
});

test('a reference that leaves no room for speech is refused with the limit', () => {
  assert.throws(
    () => maxTextBytes({ promptFrames: 760, transcriptBytes: 63 }, 1, 768),
    (thrown) => thrown instanceof NarratorError && thrown.code === 'voice_invalid' && thrown.details.limit === 768,
  );
});
