import assert from 'node:assert/strict';
import test from 'node:test';

import wavefile from 'wavefile';

import { decodeSegment, encodeSegment } from '../../../src/audio/segment-wav.ts';
import { noise } from './tones.ts';

const samples = noise(1_001, 0.9);
const bytes = encodeSegment(samples, 24_000);
const corrupt = { name: 'NarratorError', code: 'ledger_corrupt' };

test('a segment comes back bit for bit', () => {
  assert.deepEqual(decodeSegment(bytes), { samples, sampleRateHz: 24_000 });
  assert.deepEqual(decodeSegment(encodeSegment(new Float32Array(0), 16_000)).samples, new Float32Array(0));
});

test('a part of a larger array is encoded as that part, and a pooled buffer is copied, not shared', () => {
  assert.deepEqual(decodeSegment(encodeSegment(samples.subarray(10, 20), 24_000)).samples, samples.slice(10, 20));
  const pooled = Buffer.from(bytes);
  const decoded = decodeSegment(pooled);
  pooled.fill(0);
  assert.deepEqual(decoded.samples, samples);
  assert.equal(decoded.samples.buffer.byteLength, samples.byteLength);
});

test('any other reader of WAV files understands a segment', () => {
  const file = new wavefile.WaveFile(bytes);
  assert.equal(file.bitDepth, '32f');
  assert.deepEqual(Float32Array.from(file.getSamples()), samples);
});

test('a segment that was cut short, has grown, or is something else is corrupt', () => {
  for (const length of [0, 10, 57, 58, bytes.length - 4, bytes.length - 1]) {
    assert.throws(() => decodeSegment(bytes.subarray(0, length)), corrupt, `${length} bytes`);
  }
  assert.throws(() => decodeSegment(Buffer.concat([bytes, Buffer.alloc(4)])), corrupt);
  assert.throws(() => decodeSegment(Buffer.alloc(bytes.length)), corrupt);
});

test('a changed byte anywhere in the header is noticed, but for those of the rate that stay consistent', () => {
  for (let at = 0; at < 58; at++) {
    const copy = Uint8Array.from(bytes);
    copy[at] = (copy[at] as number) ^ 0xff;
    assert.throws(() => decodeSegment(copy), corrupt, `byte ${at}`);
  }
});
