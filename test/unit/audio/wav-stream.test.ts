import assert from 'node:assert/strict';
import test from 'node:test';

import wavefile from 'wavefile';

import { wavHeader } from '../../../src/audio/wav-header.ts';
import { encodeWav } from '../../../src/audio/wav-stream.ts';
import type { SampleFormat } from '../../../src/core/ports.ts';

async function* stream(parts: readonly Float32Array[]): AsyncGenerator<Float32Array> {
  yield* parts;
}

async function encode(format: SampleFormat, samples: number[], totalSamples = samples.length): Promise<Buffer> {
  const middle = Math.floor(samples.length / 2);
  const parts = [samples.slice(0, middle), samples.slice(middle)].map((part) => Float32Array.from(part));
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeWav(stream(parts), { totalSamples, sampleRateHz: 24_000, format }))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Read by another implementation. */
function read(bytes: Uint8Array) {
  const file = new wavefile.WaveFile(bytes);
  const format = file.fmt as { numChannels: number; sampleRate: number };
  return { bitDepth: file.bitDepth, ...format, samples: [...file.getSamples()] };
}

test('16 bits: rounded to the nearest, clamped at full scale, as another reader sees it', async () => {
  const file = read(await encode('int16', [0, 0.5, -0.5, 1, -1, 2, -2, 1.4 / 32_768, 1.6 / 32_768, -1.6 / 32_768]));
  assert.equal(file.bitDepth, '16');
  assert.equal(file.sampleRate, 24_000);
  assert.equal(file.numChannels, 1);
  assert.deepEqual(file.samples, [0, 16_384, -16_384, 32_767, -32_768, 32_767, -32_768, 1, 2, -2]);
});

test('24 bits: the same rule, and an odd number of bytes is padded outside the data', async () => {
  const bytes = await encode('int24', [0.5, 1, -1]);
  assert.deepEqual(read(bytes).samples, [4_194_304, 8_388_607, -8_388_608]);
  assert.equal(bytes.length, 44 + 9 + 1);
  assert.equal(bytes.readUInt32LE(4), bytes.length - 8);
  assert.equal(bytes.readUInt32LE(40), 9);
});

test('float: kept bit for bit, clamped at ±1', async () => {
  const file = read(await encode('float32', [0.1, -0.3, 1.5, -1.5]));
  assert.equal(file.bitDepth, '32f');
  assert.deepEqual(file.samples, [Math.fround(0.1), Math.fround(-0.3), 1, -1]);
});

test('what a 16-bit file held comes back exactly', async () => {
  const integers = [-32_768, -12_345, -1, 0, 1, 12_345, 32_767];
  assert.deepEqual(
    read(
      await encode(
        'int16',
        integers.map((value) => value / 32_768),
      ),
    ).samples,
    integers,
  );
});

test('no samples make a valid, empty file', async () => {
  for (const format of ['int16', 'int24', 'float32'] as const)
    assert.deepEqual(read(await encode(format, [])).samples, []);
});

test('the header is sent before the first part is asked for', async () => {
  const parts: AsyncIterable<Float32Array> = {
    [Symbol.asyncIterator]: () => assert.fail('a part was asked for'),
  };
  const chunks = encodeWav(parts, { totalSamples: 1, sampleRateHz: 24_000, format: 'int16' });
  assert.equal(((await chunks.next()).value as Uint8Array).length, 44);
});

test('parts that do not add up to what was promised are an error, too many before they are written', async () => {
  await assert.rejects(encode('int16', [0, 0, 0], 4), { code: 'internal', message: /Only 3 of the 4/ });
  await assert.rejects(encode('int16', [0, 0, 0], 2), { code: 'internal', message: /More than the 2/ });
  await assert.rejects(encode('int16', [], -1), { code: 'internal' });
  await assert.rejects(encode('int16', [], 0.5), { code: 'internal' });
});

test('a sample that is not finite is refused with its position', async () => {
  for (const format of ['int16', 'int24', 'float32'] as const) {
    await assert.rejects(encode(format, [0, 0, 0, Number.NaN]), {
      code: 'waveform_invalid',
      message: /Sample 3 .* NaN/,
    });
    await assert.rejects(encode(format, [Number.POSITIVE_INFINITY]), { code: 'waveform_invalid' });
  }
});

test('the largest file that fits 32-bit sizes is RIFF, one sample more makes it RF64 with its sizes in ds64', () => {
  const largest = (0xffff_fffe - 36) / 2;
  const header = (totalSamples: number) =>
    Buffer.from(wavHeader({ totalSamples, sampleRateHz: 24_000, format: 'int16' }));
  assert.equal(header(largest).toString('latin1', 0, 4), 'RIFF');
  assert.equal(header(largest).readUInt32LE(4), 0xffff_fffe);

  const long = header(largest + 1);
  assert.equal(long.length, 80);
  assert.equal(long.toString('latin1', 0, 4), 'RF64');
  assert.equal(long.readUInt32LE(4), 0xffff_ffff);
  assert.equal(long.toString('latin1', 8, 16), 'WAVEds64');
  assert.equal(long.readUInt32LE(16), 28);
  assert.equal(long.readBigUInt64LE(20), BigInt(2 * (largest + 1) + 80 - 8));
  assert.equal(long.readBigUInt64LE(28), BigInt(2 * (largest + 1)));
  assert.equal(long.readBigUInt64LE(36), BigInt(largest + 1));
  assert.equal(long.readUInt32LE(44), 0);
  assert.equal(long.toString('latin1', 48, 52), 'fmt ');
  assert.equal(long.toString('latin1', 72, 76), 'data');
  assert.equal(long.readUInt32LE(76), 0xffff_ffff);
});
