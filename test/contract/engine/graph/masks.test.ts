/** Can the parity check fail? Each mask is taken out of a finished graph in turn, and the batch must come out wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../../../src/engine/graph/onnx_pb.ts';
import { batchError, flavourNamed, samplerModel } from './sampler-fixture.ts';
import type { GraphProto, ModelProto } from '../../../../src/engine/graph/onnx_pb.ts';

/** Turns multiplications by a mask into nothing, and leaves attention without one. Returns how many nodes it changed. */
function withoutMask(graph: GraphProto, mask: string): number {
  let changed = 0;
  for (const node of graph.node) {
    for (const { g: body } of node.attribute) if (body !== undefined) changed += withoutMask(body, mask);
    const place = node.input.findIndex((name) => name.startsWith(`${mask}_`));
    if (place < 0) continue;
    if (node.opType === 'Mul') {
      node.opType = 'Identity';
      node.input.splice(place, 1);
      changed++;
    } else if (node.opType === 'MultiHeadAttention') {
      node.input.length = place;
      changed++;
    }
  }
  return changed;
}

const cases = [
  { mask: 'attention_mask', flavour: 'v1' },
  { mask: 'conv_mask', flavour: 'v1' },
  { mask: 'grn_mask', flavour: 'v1' },
  { mask: 'text_mask', flavour: 'v1' },
  { mask: 'text_mask', flavour: 'v0' },
] as const;

for (const { mask, flavour: name } of cases) {
  test(`${name}: a batch without ${mask} is found to be wrong`, async () => {
    const flavour = flavourNamed(name);
    const model: ModelProto = fromBinary(ModelProtoSchema, await samplerModel(flavour));
    assert.ok(withoutMask(model.graph!, mask) > 0, 'the graph has this mask');
    const error = await batchError(flavour, toBinary(ModelProtoSchema, model));
    assert.ok(error > 1e-2, `largest error ${error}`);
  });
}

test('with every mask in place the same batch is right', async () => {
  const flavour = flavourNamed('v1');
  assert.ok((await batchError(flavour, await samplerModel(flavour))) < 5e-5);
});
