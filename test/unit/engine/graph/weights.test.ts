import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NarratorError } from '../../../../src/core/errors.ts';
import { OnnxSession } from '../../../../src/engine/f5/onnx-session.ts';
import { Graph } from '../../../../src/engine/graph/graph.ts';
import { Safetensors } from '../../../../src/engine/graph/safetensors.ts';
import { Weights } from '../../../../src/engine/graph/weights.ts';
import { safetensorsBytes, temporaryFolder, writeTemporary } from './safetensors-file.ts';
import type { StoredTensor } from './safetensors-file.ts';

const folder = temporaryFolder();
const tensor = (...shape: number[]): StoredTensor => ({
  dtype: 'F32',
  shape,
  data: new Uint8Array(shape.reduce((product, axis) => product * axis, 4)),
});
const open = (tensors: Record<string, StoredTensor>): Promise<Safetensors> =>
  Safetensors.open(writeTemporary(folder, 'w.safetensors', safetensorsBytes(tensors)));

test('whatever stands before the anchor stands before all names', async () => {
  for (const prefix of ['', 'transformer.', 'ema_model.transformer.']) {
    const weights = new Weights(
      await open({ [`${prefix}out.weight`]: tensor(2), [`${prefix}in`]: tensor(3) }),
      'out.weight',
    );
    assert.deepEqual(weights.shape('in'), [3]);
  }
});

test('of a training checkpoint the averaged weights are taken', async () => {
  const weights = new Weights(await open({ 'm.out': tensor(1), 'ema_model.m.out': tensor(2) }), 'out');
  assert.deepEqual(weights.shape('out'), [2]);
});

test('a file with another kind of network is refused', async () => {
  const file = await open({ 'lm_head.weight': tensor(1) });
  assert.throws(() => new Weights(file, 'out'), { code: 'model_invalid', message: /no tensor named out/ });
});

test('one error lists every tensor that is missing, has another shape or holds integers', async () => {
  const integers = { dtype: 'I64', shape: [1], data: new Uint8Array(8) };
  const weights = new Weights(await open({ 'p.out': tensor(2), 'p.good': tensor(4, 5), 'p.counts': integers }), 'out');
  assert.doesNotThrow(() => {
    weights.check([{ name: 'good', shape: [4, 5] }]);
  });
  const expected = [
    { name: 'out', shape: [3] },
    { name: 'good', shape: [4, 5] },
    { name: 'gone', shape: [7, 8] },
    { name: 'counts', shape: [1] },
  ];
  assert.throws(
    () => {
      weights.check(expected);
    },
    (error: NarratorError) =>
      error.code === 'model_invalid' &&
      error.message.includes('p.out is [2], not [3]; p.gone [7, 8] is missing; p.counts holds integers') &&
      !error.message.includes('good'),
  );
});

test('a long list of problems is cut and counted', async () => {
  const weights = new Weights(await open({ out: tensor(1) }), 'out');
  const expected = Array.from({ length: 50 }, (_, i) => ({ name: `gone${i}`, shape: [1] }));
  assert.throws(() => {
    weights.check(expected);
  }, /gone19 \[1\] is missing; and 30 more$/);
});

/** The numbers 1, -2, 0.15625 in each element type. */
const STORED = {
  F32: new Uint8Array(Float32Array.of(1, -2, 0.15625).buffer),
  F16: new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x3100).buffer),
  BF16: new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x3e20).buffer),
};

for (const [dtype, data] of Object.entries(STORED)) {
  test(`weights stored as ${dtype} are computed with in single precision`, async () => {
    const path = writeTemporary(folder, 'typed.safetensors', safetensorsBytes({ 'm.w': { dtype, shape: [3], data } }));
    const graph = new Graph('sum');
    const x = graph.input('x', 'float32', [3]);
    const weight = new Weights(await Safetensors.open(path), 'w').value(graph, 'w');
    graph.output(graph.add(x, weight), 'y', 'float32', [3]);
    const session = await OnnxSession.create(graph.toModel(), { provider: 'cpu', threads: 1, weightsFolder: folder });
    const { y } = await session.run({ x: { float32: Float32Array.of(10, 10, 10), shape: [3] } });
    assert.deepEqual([...(y as Float32Array)], [11, 8, 10.15625]);
    await session.release();
  });
}
