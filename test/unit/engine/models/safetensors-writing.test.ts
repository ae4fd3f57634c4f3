import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Safetensors } from '../../../../src/engine/graph/safetensors.ts';
import { asFloat16, toFloat16 } from '../../../../src/engine/models/float-conversion.ts';
import { randomTensors } from '../../../../src/engine/models/random-weights.ts';
import type { TensorDtype, TensorSource } from '../../../../src/engine/models/tensor-source.ts';
import { writeSafetensors } from '../../../../src/engine/models/write-safetensors.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const path = join(folder, 'out.safetensors');

function source(name: string, dtype: TensorDtype, shape: number[], ...pieces: ArrayBufferView[]): TensorSource {
  return {
    name,
    dtype,
    shape,
    async *chunks() {
      for (const piece of pieces) yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    },
  };
}

async function bytesOf(tensor: TensorSource): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of tensor.chunks()) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

test('what is written is found again, in pieces or whole, and the digest is the file’s', async () => {
  const halves = source('half', 'F16', [3], Uint16Array.of(1, 2, 3));
  const floats = source('float', 'F32', [2, 2], Float32Array.of(1, 2, 3), Float32Array.of(4));
  const written = await writeSafetensors(path, [halves, floats]);
  const content = await readFile(path);
  assert.equal(written.bytes, content.length);
  assert.equal(written.sha256, createHash('sha256').update(content).digest('hex'));
  const found = (await Safetensors.open(path)).find('float');
  assert.deepEqual(found?.shape, [2, 2]);
  assert.equal(found.offset % 4, 0, 'wide numbers must be aligned');
  assert.equal(content.readFloatLE(found.offset + 12), 4);
});

test('a source with too few or too many bytes is refused', async () => {
  const short = source('t', 'F32', [4], Float32Array.of(1));
  const long = source('t', 'F32', [1], Float32Array.of(1, 2));
  await assert.rejects(writeSafetensors(path, [short]), {
    code: 'internal',
    message: /4 bytes were given instead of 16/,
  });
  await assert.rejects(writeSafetensors(path, [long]), { code: 'internal', message: /8 bytes .* instead of 4/ });
});

test('writing stops when it is cancelled', async () => {
  const signal = AbortSignal.abort();
  const tensor = source('t', 'F32', [1], Float32Array.of(1));
  await assert.rejects(writeSafetensors(path, [tensor], { signal }), { code: 'cancelled' });
});

test('float16 rounds to the nearest, ties to even, down to the smallest subnormal', () => {
  const cases: [number, number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [1 + 2 ** -11, 0x3c00], // tie: even below
    [1 + 3 * 2 ** -11, 0x3c02], // tie: even above
    [2 - 2 ** -12, 0x4000], // the carry reaches the exponent
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000], // tie: even is zero
    [3 * 2 ** -26, 0x0001],
    [2 ** -14 - 2 ** -26, 0x0400], // a subnormal that rounds up to a normal number
    [1e-30, 0x0000],
  ];
  const halves = new Uint16Array(cases.length);
  assert.equal(
    toFloat16(
      Float32Array.from(cases, ([number]) => number),
      halves,
    ),
    true,
  );
  assert.deepEqual(
    [...halves],
    cases.map(([, half]) => half),
  );
});

test('weights that float16 cannot hold are refused by name', async () => {
  for (const value of [65520, -1e9, Infinity, NaN]) {
    const tensor = asFloat16(source('big.weight', 'F32', [1], Float32Array.of(value)));
    await assert.rejects(bytesOf(tensor), { code: 'model_invalid', message: /big\.weight/ });
  }
});

test('bfloat16 becomes float16; integers do not', async () => {
  const tensor = asFloat16(source('t', 'BF16', [2], Uint16Array.of(0x3f80, 0xc000)));
  assert.deepEqual(await bytesOf(tensor), Buffer.from(Uint16Array.of(0x3c00, 0xc000).buffer));
  assert.throws(() => asFloat16(source('t', 'I64', [1])), { code: 'model_invalid' });
});

test('random weights depend on seed and name, and have the scale that keeps activations level', async () => {
  const layout = [
    { name: 'a.weight', shape: [600, 500] },
    { name: 'b.weight', shape: [600, 500] },
    { name: 'c.norm.weight', shape: [4000] },
  ];
  const numbers = async (seed: number, index: number): Promise<Float32Array> =>
    new Float32Array(new Uint8Array(await bytesOf(randomTensors(layout, seed)[index] as TensorSource)).buffer);
  const [first, again, other, named, norm] = await Promise.all([
    numbers(1, 0),
    numbers(1, 0),
    numbers(2, 0),
    numbers(1, 1),
    numbers(1, 2),
  ]);
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
  assert.notDeepEqual(first, named);
  const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(Math.abs(mean(first)) < 1e-3);
  assert.ok(Math.abs(mean(first.map((value) => value * value)) * 500 - 1) < 0.02, 'variance 1 / inputs');
  assert.ok(Math.abs(mean(norm) - 1) < 0.01);
});
