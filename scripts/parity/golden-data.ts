/**
 * Reads a folder of golden data: golden.json names arrays (<name>.bin, little-endian) and the runs they come from. Flavours,
 * utterances and runs are whatever the folder holds.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseArchitecture } from '../../src/engine/graph/architecture.ts';
import type { Architecture } from '../../src/engine/graph/architecture.ts';

const description = z.object({
  meta: z.object({
    runs: z
      .array(
        z.object({
          steps: z.int().min(1),
          cfg: z.number(),
          sway: z.number().nullable(),
          epss: z.boolean().default(true),
        }),
      )
      .min(1),
    durations: z.array(z.int().min(1)).min(1),
  }),
  arrays: z.record(z.string(), z.object({ dtype: z.string(), shape: z.array(z.int().min(0)) })),
});

export type GoldenRun = z.infer<typeof description>['meta']['runs'][number];

/** What all flavours of a folder speak. */
export interface GoldenUtterance {
  readonly wave: Float32Array;
  /** [frames of the prompt, melDim] */
  readonly promptMel: Float32Array;
  readonly promptFrames: number;
  readonly text: readonly number[];
  /** frames in all */
  readonly duration: number;
}

/** What one flavour makes of an utterance: outputs of the official code, of a single run each. */
export interface GoldenOutput {
  readonly noise: Float32Array;
  /** end state of the ODE, one a run */
  readonly mels: readonly Float32Array[];
  /** the vocoder on the speech of the last run */
  readonly wave: Float32Array;
}

export interface GoldenFlavour {
  readonly name: string;
  readonly architecture: Architecture;
  readonly weightsFile: string;
  readonly outputs: readonly GoldenOutput[];
}

export interface GoldenData {
  readonly directory: string;
  readonly vocoderFile: string;
  readonly runs: readonly GoldenRun[];
  readonly utterances: readonly GoldenUtterance[];
  readonly flavours: readonly GoldenFlavour[];
}

/** @throws Error that names the file or array, if the folder is not in the format */
export function readGoldenData(directory: string): GoldenData {
  const parsed = description.safeParse(readJson(directory, 'golden.json'));
  if (!parsed.success)
    throw new Error(`${directory}/golden.json is not a golden description: ${z.prettifyError(parsed.error)}`);
  const { arrays, meta } = parsed.data;

  /** The array without its leading axis of 1: every golden run is of one item. */
  const read = (name: string, dtype: 'float32' | 'int64'): { bytes: ArrayBuffer; shape: number[] } => {
    const entry = arrays[name];
    if (entry === undefined) throw new Error(`${directory}/golden.json lists no array ${name}`);
    if (entry.dtype !== dtype) throw new Error(`Array ${name} should be ${dtype}, not ${entry.dtype}`);
    const bytes = new Uint8Array(readFile(directory, `${name}.bin`));
    const expected = entry.shape.reduce((product, axis) => product * axis, dtype === 'int64' ? 8 : 4);
    if (bytes.length !== expected) {
      throw new Error(`${name}.bin has ${bytes.length} bytes; its shape [${entry.shape.join(', ')}] needs ${expected}`);
    }
    const [batch, ...shape] = entry.shape;
    if (batch !== 1) throw new Error(`Array ${name} should be of one item: its shape is [${entry.shape.join(', ')}]`);
    return { bytes: bytes.buffer, shape };
  };
  const floats = (name: string): Float32Array => new Float32Array(read(name, 'float32').bytes);

  const utterances = meta.durations.map((duration, i): GoldenUtterance => {
    const prompt = read(`mel${i}`, 'float32');
    const promptFrames = prompt.shape[0] ?? 0;
    if (promptFrames >= duration)
      throw new Error(`Utterance ${i} has ${duration} frames, but a prompt of ${promptFrames}`);
    return {
      wave: floats(`wave${i}`),
      promptMel: new Float32Array(prompt.bytes),
      promptFrames,
      text: Array.from(new BigInt64Array(read(`text${i}`, 'int64').bytes), Number),
      duration,
    };
  });

  const names = Object.keys(arrays).flatMap((array) => /^(.+)_noise0$/.exec(array)?.[1] ?? []);
  if (names.length === 0)
    throw new Error(`${directory}/golden.json lists no flavour: no array is named <flavour>_noise0`);
  const flavours = names.map(
    (name): GoldenFlavour => ({
      name,
      architecture: parseArchitecture(readJson(directory, `${name}.json`)),
      weightsFile: `${name}.safetensors`,
      outputs: utterances.map((_, i) => ({
        noise: floats(`${name}_noise${i}`),
        mels: meta.runs.map((_run, r) => floats(`${name}_traj${i}_run${r}`)),
        wave: floats(`${name}_wav${i}_lastrun`),
      })),
    }),
  );
  return { directory, vocoderFile: 'vocos.safetensors', runs: meta.runs, utterances, flavours };
}

function readFile(directory: string, file: string): Buffer {
  try {
    return readFileSync(join(directory, file));
  } catch (cause) {
    throw new Error(`Cannot read ${file} in ${directory}: it is not a folder of golden data`, { cause });
  }
}

function readJson(directory: string, file: string): unknown {
  const text = readFile(directory, file).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} in ${directory} is not JSON`, { cause });
  }
}
