import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { PRESETS, withoutFusedKernels } from '../../../../src/engine/graph/network.ts';
import { ModelProtoSchema, TensorProto_DataLocation } from '../../../../src/engine/graph/onnx_pb.ts';
import { Safetensors } from '../../../../src/engine/graph/safetensors.ts';
import { buildSamplerGraph } from '../../../../src/engine/graph/sampler-graph.ts';
import { batchError, flavourNamed, golden, samplerModel } from './sampler-fixture.ts';

for (const { name } of golden.flavours) {
  test(`${name}: plain operators give the same as fused ones`, async () => {
    const flavour = flavourNamed(name);
    const model = await samplerModel(flavour, withoutFusedKernels({ ...PRESETS.cpu, precision: 'f32' }));
    const operators = fromBinary(ModelProtoSchema, model).graph!.node.map(({ domain }) => domain);
    assert.deepEqual(new Set(operators), new Set(['']), 'no operator of ONNX Runtime itself');
    assert.ok((await batchError(flavour, model)) < 5e-5);
  });

  test(`${name}: the CUDA graph in single precision gives the same, padding packed away`, async () => {
    const flavour = flavourNamed(name);
    assert.ok((await batchError(flavour, await samplerModel(flavour, PRESETS.cuda))) < 5e-5);
  });
}

test('half precision inside the loop costs less than 0.1 of log-mel, with all its constants in half precision', async () => {
  for (const name of ['v1', 'rms']) {
    const flavour = flavourNamed(name);
    const error = await batchError(flavour, await samplerModel(flavour, { ...PRESETS.cuda, precision: 'f16' }));
    assert.ok(error > 1e-4 && error < 0.1, `${name}: largest error ${error}`);
  }
});

test('the fallback runs in half precision, too', async () => {
  const flavour = flavourNamed('v1');
  const options = withoutFusedKernels({ ...PRESETS.cuda, precision: 'f16' });
  assert.ok((await batchError(flavour, await samplerModel(flavour, options))) < 0.1);
});

test('the graph holds no weight: each lies in its file, at the place that the header gives', async () => {
  const flavour = flavourNamed('v1');
  const path = join(golden.directory, flavour.weightsFile);
  const model = fromBinary(ModelProtoSchema, await samplerModel(flavour));
  const { initializer } = model.graph!;
  const external = initializer.filter(({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL);
  const header = JSON.parse(readFileSync(path).subarray(8).toString('latin1').split('}}')[0]! + '}}') as object;
  assert.equal(external.length, Object.keys(header).length, 'every tensor of the file is used');
  const inside = initializer.reduce((bytes, { rawData }) => bytes + (rawData?.length ?? 0), 0);
  assert.ok(inside < 20_000, `${inside} bytes of constants`);
});

test('opset and IR version are those that the CUDA provider knows', async () => {
  const model = fromBinary(ModelProtoSchema, await samplerModel(flavourNamed('v1')));
  assert.equal(model.irVersion, 8n);
  assert.deepEqual(
    model.opsetImport.map(({ domain, version }) => [domain, version]),
    [
      ['', 18n],
      ['com.microsoft', 1n],
    ],
  );
});

test('weights of another size are refused in one error that lists them', async () => {
  const { architecture, weightsFile } = flavourNamed('v1');
  const file = await Safetensors.open(join(golden.directory, weightsFile));
  const options = { ...PRESETS.cpu, precision: 'f32' } as const;
  assert.throws(() => buildSamplerGraph({ ...architecture, depth: 3, text_num_embeds: 30 }, file, options), {
    code: 'model_invalid',
    message: /text_embed\.text_embed\.weight is \[25, 16\], not \[31, 16\].*transformer_blocks\.2\..* is missing/,
  });
});

test('the committed ONNX schema is the one that the generated code was made from', () => {
  const folder = join(import.meta.dirname, '../../../../src/engine/graph');
  const messages = readFileSync(join(folder, 'onnx.proto'), 'utf8').match(/^message \w+/gm) ?? [];
  const generated = readFileSync(join(folder, 'onnx_pb.ts'), 'utf8');
  assert.ok(messages.length > 10);
  for (const message of messages) assert.ok(generated.includes(`${message.split(' ')[1]}Schema`), message);
});
