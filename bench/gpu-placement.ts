/**
 * `node --import tsx bench/gpu-placement.ts --model DIR [--provider cuda] [--precision f16]`: loads the sampler with ONNX Runtime's own log open, which says on
 * standard error where it puts each node and where it copies between host and device. Of the loop's body nothing should leave the device.
 */
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-node';
import { openModel } from '../src/engine/f5/model-directory.ts';
import { PRESETS } from '../src/engine/graph/network.ts';
import { Safetensors } from '../src/engine/graph/safetensors.ts';
import { buildSamplerGraph } from '../src/engine/graph/sampler-graph.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    provider: { type: 'string', default: 'cuda' },
    precision: { type: 'string', default: 'f16' },
  },
});
if (values.model === undefined) throw new Error('--model DIR is missing.');
const { directory, description } = await openModel(values.model);
const { architecture, files } = description;
const provider = values.provider === 'cpu' ? 'cpu' : 'cuda';
const precision = values.precision === 'f32' ? 'f32' : 'f16';
const { path } = precision === 'f16' ? (files.weightsF16 ?? files.weights) : files.weights;
const weights = await Safetensors.open(join(directory, path));
const session = await ort.InferenceSession.create(
  buildSamplerGraph(architecture, weights, { ...PRESETS[provider], precision }),
  {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 0,
    logVerbosityLevel: 1,
    extra: { session: { model_external_initializers_file_folder_path: dirname(weights.path) } },
  },
);
await session.release();
