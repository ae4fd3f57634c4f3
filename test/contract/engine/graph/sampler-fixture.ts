/** The golden utterances as one padded batch, for tests that run a sampler graph of their own. */
import { join } from 'node:path';
import { readGoldenData } from '../../../../scripts/parity/golden-data.ts';
import { maxError } from '../../../../scripts/parity/measure.ts';
import { OnnxSession } from '../../../../src/engine/f5/onnx-session.ts';
import { timeGrid } from '../../../../src/engine/f5/time-grid.ts';
import { PRESETS } from '../../../../src/engine/graph/network.ts';
import { Safetensors } from '../../../../src/engine/graph/safetensors.ts';
import { buildSamplerGraph } from '../../../../src/engine/graph/sampler-graph.ts';
import type { GoldenFlavour } from '../../../../scripts/parity/golden-data.ts';
import type { TensorData } from '../../../../src/engine/f5/onnx-session.ts';
import type { NetworkOptions } from '../../../../src/engine/graph/network.ts';

export const golden = readGoldenData(join(import.meta.dirname, '../../../fixtures/golden'));

const RUN = 0;
const MEL_DIM = 100;

export function flavourNamed(name: string): GoldenFlavour {
  const flavour = golden.flavours.find((candidate) => candidate.name === name);
  if (flavour === undefined) throw new Error(`No flavour ${name} in the fixture`);
  return flavour;
}

export async function samplerModel(flavour: GoldenFlavour, options: Partial<NetworkOptions> = {}): Promise<Uint8Array> {
  const file = await Safetensors.open(join(golden.directory, flavour.weightsFile));
  return buildSamplerGraph(flavour.architecture, file, { ...PRESETS.cpu, precision: 'f32', ...options });
}

/**
 * Largest difference of a batch of all utterances from the official single runs. What stands past a short item's end is noise and
 * text on purpose: it must have no effect.
 */
export async function batchError(flavour: GoldenFlavour, model: Uint8Array): Promise<number> {
  const run = golden.runs[RUN]!;
  const items = golden.utterances.map((utterance, i) => ({ ...utterance, ...flavour.outputs[i]! }));
  const frames = Math.max(...items.map(({ duration }) => duration));
  const textLength = Math.max(...items.map(({ text }) => text.length));
  const shape = [items.length, frames, MEL_DIM];
  const noise = new Float32Array(items.length * frames * MEL_DIM).fill(3);
  const cond = new Float32Array(items.length * frames * MEL_DIM);
  for (const [i, item] of items.entries()) {
    noise.set(item.noise, i * frames * MEL_DIM);
    cond.set(item.promptMel, i * frames * MEL_DIM);
  }
  const times = timeGrid(run.steps, run.sway);
  const padding = (length: number): number[] => Array<number>(length).fill(-1);
  const inputs: Record<string, TensorData> = {
    noise: { float32: noise, shape },
    cond: { float32: cond, shape },
    text: {
      int64: items.flatMap(({ text }) => [...text, ...padding(textLength - text.length)]),
      shape: [items.length, textLength],
    },
    duration: { int64: items.map(({ duration }) => duration), shape: [items.length] },
    times: { float32: times, shape: [times.length] },
    cfg: { float32: new Float32Array(items.length).fill(run.cfg), shape: [items.length] },
    passes: { int64: [2], shape: [1] },
  };
  const session = await OnnxSession.create(model, { provider: 'cpu', threads: 1, weightsFolder: golden.directory });
  try {
    const mel = (await session.run(inputs)).mel as Float32Array;
    const errors = items.map((item, i) => maxError(mel.subarray(i * frames * MEL_DIM), item.mels[RUN]!));
    return Math.max(...errors);
  } finally {
    await session.release();
  }
}
