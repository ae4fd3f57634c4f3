/** The F5-TTS sampler as one graph: from noise to mel, every step of the ODE in one run, batched and masked. */
import { attentionTables } from './attention.ts';
import { F5_ANCHOR, f5Tensors } from './expected-tensors.ts';
import { Graph } from './graph.ts';
import { constantProjection } from './input-embedding.ts';
import { forLoop } from './network.ts';
import { buildOdeLoop } from './ode-loop.ts';
import { embedText } from './text-embedding.ts';
import { embedTimes } from './time-embedding.ts';
import { packedLayout, paddedLayout } from './token-layout.ts';
import { computeModulations } from './transformer.ts';
import { Weights } from './weights.ts';
import type { Architecture } from './architecture.ts';
import type { Value } from './graph-writer.ts';
import type { Network, NetworkOptions } from './network.ts';
import type { LoopConstants } from './ode-loop.ts';
import type { Safetensors } from './safetensors.ts';

/**
 * Inputs: `noise` float32 [B, N, mel_dim], the state at the first time; `cond` float32 [B, N, mel_dim], the reference mel
 * and zeros after it; `text` int64 [B, L], tokens of reference and speech, -1 after them; `duration` int64 [B], frames of
 * each item, 1 .. N; `times` float32 [S + 1]; `cfg` float32 [B], guidance strength; `passes` int64 [1], 2 with guidance and 1
 * without (half the work; `cfg` has no effect then).
 * Output: `mel` float32 [B, N, mel_dim], the state at the last time. Frames past an item's duration have no meaning, and
 * over the reference's frames the reference itself is to be preferred.
 *
 * Every item comes out as in an official run of it alone, to float32 rounding: padding has no effect.
 *
 * @throws NarratorError model_invalid if the weights do not fit the architecture
 */
export function buildSamplerGraph(architecture: Architecture, file: Safetensors, options: NetworkOptions): Uint8Array {
  const weights = new Weights(file, F5_ANCHOR);
  weights.check(f5Tensors(architecture));
  const network: Network = { architecture, weights, options };
  const graph = new Graph('f5_sampler');
  const noise = graph.input('noise', 'float32', ['B', 'N', architecture.mel_dim]);
  const constants = prepareLoop(graph, network);
  const mel = buildOdeLoop(graph, network, constants, noise);
  graph.output(mel, 'mel', 'float32', ['B', 'N', architecture.mel_dim]);
  return graph.toModel();
}

/** Everything that does not change from step to step. */
function prepareLoop(graph: Graph, network: Network): LoopConstants {
  const { mel_dim } = network.architecture;
  const cond = graph.input('cond', 'float32', ['B', 'N', mel_dim]);
  const text = graph.input('text', 'int64', ['B', 'L']);
  const duration = graph.input('duration', 'int64', ['B']);
  const times = graph.input('times', 'float32', ['S1']);
  const cfg = graph.input('cfg', 'float32', ['B']);
  const passes = graph.input('passes', 'int64', [1]);

  const items = graph.sizeOf(cond, 0);
  const frames = graph.sizeOf(cond, 1);
  const rows = graph.multiply(items, passes); // the guided rows, then (with two passes) the unguided ones
  const stack = (guided: Value, unguided: Value): Value => graph.slice(graph.concat([guided, unguided], 0), 0, 0, rows);

  const position = graph.range(frames);
  const isReal = graph.less(graph.unsqueeze(position, [0]), graph.unsqueeze(duration, [1]));
  const itemMask = graph.cast(isReal, 'float32'); // [B, N]
  const durationMask = stack(itemMask, itemMask);
  const rowDuration = stack(duration, duration);

  const ids = padText(graph, text, items, frames, isReal);
  const textMask = graph.cast(graph.less(graph.integer(0), ids), 'float32');
  const embeddedText = embedText(graph, network, {
    ids: stack(ids, graph.multiply(ids, graph.integer(0))),
    textMask: stack(textMask, textMask),
    durationMask,
    duration: rowDuration,
    position,
  });

  const pointCount = graph.sizeOf(times, 0);
  const stepCount = graph.subtract(pointCount, graph.integers([1]));
  const starts = graph.slice(times, 0, 0, stepCount);
  const modulations = computeModulations(graph, network, embedTimes(graph, network, starts));
  return {
    stepCount,
    stepSizes: graph.subtract(graph.slice(times, 0, 1, pointCount), starts),
    base: forLoop(graph, network, constantProjection(graph, network, { cond, text: embeddedText, stack })),
    convolutionMask: forLoop(graph, network, graph.unsqueeze(durationMask, [1], 'conv_mask'), 'conv_mask'),
    attention: attentionTables(graph, network, { position, duration: rowDuration, durationMask }),
    modulations: {
      blocks: modulations.blocks.map((block) => forLoop(graph, network, block)),
      last: forLoop(graph, network, modulations.last),
    },
    layout: network.options.packed
      ? packedLayout(graph, rows, frames, durationMask)
      : paddedLayout(graph, rows, frames),
    stateRepeats: graph.shape([passes, 1, 1]),
    stateShape: graph.shape([items, frames, -1]),
    guidance: graph.unsqueeze(cfg, [1, 2]),
    flowShape: graph.shape([passes, items, frames, mel_dim]),
  };
}

/** Tokens + 1 over all frames, 0 = filler; cut at the item's duration, as the official code does. int64 [B, N] */
function padText(graph: Graph, text: Value, items: Value, frames: Value, isReal: Value): Value {
  const filler = graph.op('Expand', [graph.integer(0), graph.shape([items, frames])]);
  const tokens = graph.add(text, graph.integer(1));
  const padded = graph.slice(graph.concat([tokens, filler], 1), 1, 0, frames);
  return graph.where(isReal, padded, graph.integer(0));
}
