/** The text encoder (official class `TextEmbedding`), batched: every item as if it were alone. */
import { rotaryFrequencies } from './network.ts';
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';
import type { Network } from './network.ts';

export interface TextInput {
  /** int64 [R, N]: token + 1; 0 = filler, also past the item's duration */
  readonly ids: Value;
  /** float32 [R, N]: 1 where the item has text. For the rows without guidance text it is that of the guided ones: upstream takes the mask before it drops the text. */
  readonly textMask: Value;
  /** float32 [R, N]: 1 up to the item's duration */
  readonly durationMask: Value;
  /** int64 [R]: frames of the item */
  readonly duration: Value;
  /** int64 [N]: 0 .. N-1 */
  readonly position: Value;
}

/** → float32 [R, N, text_dim] */
export function embedText(graph: Graph, network: Network, input: TextInput): Value {
  const { architecture, weights } = network;
  const table = weights.value(graph, 'text_embed.text_embed.weight');
  let x = graph.gather(table, input.ids);
  if (architecture.conv_layers > 0) x = convolveText(graph, network, input, x);
  return architecture.text_embedding_average_upsampling ? spreadOverFrames(graph, input, x) : x;
}

function convolveText(graph: Graph, network: Network, input: TextInput, embedded: Value): Value {
  const { text_dim, text_mask_padding, conv_layers } = network.architecture;
  // Alone, an item has nothing past its duration: a convolution must find zeros there. Filler frames before that are
  // zeros only where the network was trained so.
  const mask = graph.unsqueeze(text_mask_padding ? input.textMask : input.durationMask, [2], 'text_mask');
  // The norm sums over the item's own frames, filler included, whatever `text_mask_padding` says: so it was trained.
  const normMask = graph.unsqueeze(input.durationMask, [2], 'grn_mask');
  const positions = sinusoids(graph, input.position, text_dim);
  let x = graph.multiply(graph.add(embedded, positions), mask);
  for (let i = 0; i < conv_layers; i++) {
    x = graph.multiply(graph.add(x, convNextBlock(graph, network, i, x, normMask)), mask);
  }
  return x;
}

/** [N, size]: cosines, then sines, of the positions. */
function sinusoids(graph: Graph, position: Value, size: number): Value {
  const frequencies = graph.floats(rotaryFrequencies(size), [1, size / 2], 'text_frequencies');
  const angles = graph.multiply(graph.unsqueeze(graph.cast(position, 'float32'), [1]), frequencies);
  return graph.concat([graph.op('Cos', [angles]), graph.op('Sin', [angles])], 1);
}

/** The residual branch of one official `ConvNeXtV2Block`. */
function convNextBlock(graph: Graph, network: Network, index: number, x: Value, normMask: Value): Value {
  const weight = (name: string): Value => network.weights.value(graph, `text_embed.text_blocks.${index}.${name}`);
  const convolved = graph.op('Conv', [graph.transpose(x, [0, 2, 1]), weight('dwconv.weight'), weight('dwconv.bias')], {
    pads: [3, 3],
    group: network.architecture.text_dim,
  });
  const normed = graph.layerNorm(graph.transpose(convolved, [0, 2, 1]), weight('norm.weight'), weight('norm.bias'));
  const wide = exactGelu(graph, network, graph.project(normed, weight('pwconv1.weight'), weight('pwconv1.bias')));
  const scaled = globalResponseNorm(graph, wide, normMask, weight('grn.gamma'), weight('grn.beta'));
  return graph.project(scaled, weight('pwconv2.weight'), weight('pwconv2.bias'));
}

/** gamma · (x · |x| / mean |x|) + beta + x, where |x| is the norm over the frames of each channel. */
function globalResponseNorm(graph: Graph, x: Value, mask: Value, gamma: Value, beta: Value): Value {
  const squares = graph.op('ReduceSumSquare', [graph.multiply(x, mask), graph.integers([1])], { keepdims: 1 });
  const norm = graph.op('Sqrt', [squares]);
  const mean = graph.op('ReduceMean', [norm, graph.integers([-1])], { keepdims: 1 });
  const response = graph.divide(norm, graph.add(mean, graph.float(1e-6)));
  return graph.add(graph.add(graph.multiply(gamma, graph.multiply(x, response)), beta), x);
}

/** x/2 · (1 + erf(x/√2)) */
function exactGelu(graph: Graph, network: Network, x: Value): Value {
  if (network.options.kernels === 'fused') return graph.contrib('Gelu', [x]);
  const erf = graph.op('Erf', [graph.multiply(x, graph.float(Math.SQRT1_2))]);
  return graph.multiply(graph.multiply(x, graph.float(0.5)), graph.add(erf, graph.float(1)));
}

/**
 * Upstream `average_upsample_text_by_mask`: of L tokens over T frames each is repeated floor(T / L) times, the last
 * T mod L tokens once more. The index is integer arithmetic on what the graph has already, once before the loop: so all
 * flavours have the same inputs, and the rule exists once.
 */
function spreadOverFrames(graph: Graph, input: TextInput, x: Value): Value {
  const one = graph.integer(1);
  const frames = graph.unsqueeze(input.duration, [1]); // T, [R, 1]
  const counted = graph.op('ReduceSum', [input.textMask, graph.integers([1])], { keepdims: 1 });
  const tokens = graph.op('Max', [graph.cast(counted, 'int64'), one]); // L, [R, 1]
  const repeats = graph.divide(frames, tokens);
  const longer = graph.subtract(frames, graph.multiply(repeats, tokens));
  const shorter = graph.subtract(tokens, longer);
  const boundary = graph.multiply(shorter, repeats); // frames that the tokens with fewer repeats fill
  const frame = graph.unsqueeze(input.position, [0]); // [1, N]
  const early = graph.divide(frame, repeats);
  const late = graph.add(shorter, graph.divide(graph.subtract(frame, boundary), graph.add(repeats, one)));
  const token = graph.where(graph.less(frame, boundary), early, late);
  const inside = graph.op('Min', [token, graph.subtract(tokens, one)]); // past the duration: any token, masked below

  const rowStart = graph.multiply(graph.range(graph.sizeOf(x, 0)), graph.scalar(graph.sizeOf(x, 1)));
  const flat = graph.op('Flatten', [x], { axis: 2 }); // [R·N, text_dim]
  const spread = graph.gather(flat, graph.add(inside, graph.unsqueeze(rowStart, [1])));
  return graph.multiply(spread, graph.unsqueeze(input.durationMask, [2]));
}
