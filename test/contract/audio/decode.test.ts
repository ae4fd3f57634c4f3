import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import wavefile from 'wavefile';

import { decodeAudio } from '../../../src/audio/decode.ts';
import type { DecodeOptions } from '../../../src/audio/decode.ts';
import { similarityDb, sine } from '../../unit/audio/tones.ts';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/audio/${name}`, import.meta.url));

function assertRefused(bytes: Uint8Array, message: RegExp, options?: DecodeOptions): Promise<void> {
  return assert.rejects(decodeAudio(bytes, options), { name: 'NarratorError', code: 'audio_undecodable', message });
}

/** [file, format, rate, samples a channel, channels, how near to the sines it was made of, dB] */
const FILES = [
  ['tone-44k-stereo.flac', 'flac', 44_100, 22_050, 2, 80],
  ['tone-44k-stereo-flac.ogg', 'flac', 44_100, 22_050, 2, 80],
  ['tone-44k-stereo.mp3', 'mp3', 44_100, 22_050, 2, 20],
  ['tone-44k-mono.mp3', 'mp3', 44_100, 22_050, 1, 20],
  ['tone-44k-stereo-vorbis.ogg', 'ogg-vorbis', 44_100, 22_050, 2, 20],
  ['tone-48k-stereo-opus.ogg', 'ogg-opus', 48_000, 24_000, 2, 20],
  ['tone-8k-24bit-extensible.wav', 'wav', 8_000, 1_600, 2, 35],
  ['tone-8k-streamed.wav', 'wav', 8_000, 1_600, 1, 25],
  ['tone-8k-alaw.wav', 'wav', 8_000, 1_600, 1, 25],
] as const;

for (const [name, format, sampleRateHz, samples, channels, minimumDb] of FILES) {
  test(`${name} decodes to the sines that it was made of, sample by sample`, async () => {
    const decoded = await decodeAudio(fixture(name));
    assert.equal(decoded.format, format);
    assert.equal(decoded.sampleRateHz, sampleRateHz);
    assert.equal(decoded.complete, true);
    assert.deepEqual(
      decoded.channels.map((channel) => channel.length),
      Array.from({ length: channels }, () => samples),
    );
    const seconds = samples / sampleRateHz;
    const expected = [sine(440, { seconds, sampleRateHz }), sine(1000, { seconds, sampleRateHz, amplitude: 0.25 })];
    for (const [i, channel] of decoded.channels.entries()) {
      const similarity = similarityDb(channel, expected[i] as Float32Array);
      assert.ok(similarity > minimumDb, `channel ${i}: ${similarity.toFixed(1)} dB`);
    }
  });
}

const INTEGER_CODES = { '8': 2 ** 7, '16': 2 ** 15, '24': 2 ** 23, '32': 2 ** 31 } as const;

function wav(bitDepth: string, samples: ArrayLike<number>, channels = 1, sampleRateHz = 24_000): Uint8Array {
  const file = new wavefile.WaveFile();
  file.fromScratch(channels, sampleRateHz, bitDepth, samples as number[]);
  return file.toBuffer();
}

for (const [bitDepth, scale] of Object.entries(INTEGER_CODES)) {
  test(`WAV of ${bitDepth} bits: full scale is ±1, and silence is 0`, async () => {
    const offset = bitDepth === '8' ? 128 : 0;
    const bytes = wav(bitDepth, [-scale + offset, scale / 2 + offset, offset, offset]);
    const { channels } = await decodeAudio(bytes);
    assert.deepEqual([...(channels[0] ?? [])], [-1, 0.5, 0, 0]);
  });
}

for (const bitDepth of ['32f', '64']) {
  test(`WAV of floats (${bitDepth}) keeps its samples, also those above full scale`, async () => {
    const { channels } = await decodeAudio(wav(bitDepth, [-1.5, 0.25, 0, 1]));
    assert.deepEqual([...(channels[0] ?? [])], [-1.5, 0.25, 0, 1]);
  });
}

test('a truncated WAV gives what is there, and says that it is not complete', async () => {
  const bytes = wav('16', new Int16Array(100).fill(16_384));
  const decoded = await decodeAudio(bytes.subarray(0, 44 + 61));
  assert.equal(decoded.complete, false);
  assert.deepEqual([...(decoded.channels[0] ?? [])], new Array(30).fill(0.5));
});

test('a truncated FLAC, Vorbis or Opus file gives what is there, and is not complete', async () => {
  for (const name of ['tone-44k-stereo.flac', 'tone-44k-stereo-vorbis.ogg', 'tone-48k-stereo-opus.ogg']) {
    const bytes = fixture(name);
    const whole = await decodeAudio(bytes);
    const decoded = await decodeAudio(bytes.subarray(0, Math.floor(bytes.length * 0.8)));
    assert.equal(decoded.complete, false, name);
    assert.ok((decoded.channels[0] as Float32Array).length < (whole.channels[0] as Float32Array).length, name);
  }
});

test('a FLAC file with a broken frame in the middle is not complete', async (t) => {
  t.mock.method(console, 'error', () => undefined);
  const bytes = Uint8Array.from(fixture('tone-44k-stereo.flac'));
  bytes.fill(0x55, 12_000, 12_040);
  assert.equal((await decodeAudio(bytes)).complete, false);
});

test('chunks that lie about their counts and sizes are walked over, not believed', async () => {
  const cue = Buffer.alloc(12);
  cue.write('cue ', 'latin1');
  cue.writeUInt32LE(4, 4);
  cue.writeUInt32LE(0xffff_ffff, 8); // four billion cue points
  const lists = Buffer.from('LIST\x04\0\0\0INFO'.repeat(1000), 'latin1');
  const file = Buffer.from(wav('16', [16_384, 0]));
  const bytes = Buffer.concat([file.subarray(0, 36), cue, lists, file.subarray(36)]);
  assert.deepEqual([...((await decodeAudio(bytes)).channels[0] ?? [])], [0.5, 0]);
});

test('what is not audio is named by what was found', async () => {
  await assertRefused(new Uint8Array(), /empty/);
  await assertRefused(Buffer.from('hello, world, this is text'), /found 26 bytes that begin with 68656c6c6f2c2077/);
  await assertRefused(Buffer.from('\0\0\0\x20ftypM4A isom'), /MP4 or M4A/);
  await assertRefused(new Uint8Array(100_000), /found 100000 bytes/);
});

test('a WAV whose header is absurd is refused with the number that it claims', async () => {
  const file = Buffer.from(wav('16', [1, 2, 3, 4]));
  const patched = (offset: number, value: number, bytes: 2 | 4) => {
    const copy = Buffer.from(file);
    copy.writeUIntLE(value, offset, bytes);
    return copy;
  };
  await assertRefused(patched(24, 0, 4), /sample rate is 0 Hz/);
  await assertRefused(patched(24, 1_000_000_000, 4), /sample rate is 1000000000 Hz/);
  await assertRefused(patched(22, 0, 2), /0 channels/);
  await assertRefused(patched(22, 255, 2), /255 channels/);
  await assertRefused(patched(20, 0x55, 2), /format tag 85/);
  await assertRefused(patched(32, 5, 2), /40 bits a sample/);
  await assertRefused(file.subarray(0, 30), /format chunk of the WAV file is cut short/);
  await assertRefused(file.subarray(0, 44), /no samples/);
  await assertRefused(file.subarray(0, 38), /no data chunk/);
});

test('float samples that are not numbers, or not scaled to ±1, are refused', async () => {
  await assertRefused(wav('32f', [0, Number.NaN]), /sample of NaN/);
  await assertRefused(wav('32f', [0, 20_000]), /sample of 20000/);
});

test('limits hold for the size of the file and for the length that a header promises', async () => {
  await assertRefused(wav('16', [1, 2]), /has 48 bytes; at most 40/, { maxBytes: 40 });
  await assertRefused(wav('16', new Int16Array(24_001)), /longer than 1 seconds/, { maxSeconds: 1 });
  await assertRefused(fixture('tone-44k-stereo.flac'), /longer than 0.4 seconds/, { maxSeconds: 0.4 });
});

test('limits hold for streams that promise nothing, while they unpack', async () => {
  const mp3 = fixture('tone-44k-stereo.mp3');
  await assertRefused(Buffer.concat(new Array(20).fill(mp3)), /longer than 2 seconds/, { maxSeconds: 2 });
  // ten kilobytes that unpack to 115 MB
  await assertRefused(fixture('silence-75s-8ch.flac'), /longer than 5 seconds \(found at least \d{1,3}\)/, {
    maxSeconds: 5,
  });
});

test('many channels do not multiply what may be allocated', async () => {
  const flac = Buffer.from(fixture('silence-75s-8ch.flac'));
  flac.writeUInt32BE(590 * 48_000, 22); // the header promises less than ten minutes
  await assertRefused(flac, /more than 64000000 samples \(8 channels at 48000 Hz\)/);
});

test('damaged streams end in samples or in audio_undecodable, and in nothing else', async (t) => {
  t.mock.method(console, 'error', () => undefined); // two of the decoders print what they return
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (const [name] of FILES) {
    for (let round = 0; round < 2; round++) {
      const bytes = Uint8Array.from(fixture(name)).subarray(0, 9_000);
      for (let i = 0; i < 30; i++) bytes[random(bytes.length)] = random(256);
      try {
        const { channels } = await decodeAudio(bytes, { maxSeconds: 30 });
        assert.ok((channels[0]?.length ?? 0) > 0);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'audio_undecodable', `${name}: ${String(error)}`);
      }
    }
  }
});
