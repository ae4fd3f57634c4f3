/** What enters the transformer (official `InputEmbedding`): state, reference and text in one projection, then positions by convolution. */
import { POSITION_CONVOLUTION } from './architecture.ts';
import { loopType } from './network.ts';
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';
import type { Network } from './network.ts';

const PROJECTION = 'input_embed.proj';

/**
 * The part of the projection that is the same in every step: reference mel, text and bias. The official layer takes the
 * three side by side, [state, reference, text]; a product with columns of its weight each, summed, is the same.
 *
 * @param cond float32 [B, N, mel_dim]
 * @param text float32 [R, N, text_dim]
 * @param stack puts a guided and an unguided part [B, N, dim] on top of each other: [R, N, dim]
 * @returns float32 [R, N, dim]
 */
export function constantProjection(
  graph: Graph,
  network: Network,
  { cond, text, stack }: { cond: Value; text: Value; stack: (guided: Value, unguided: Value) => Value },
): Value {
  const { mel_dim, text_dim } = network.architecture;
  const reference = graph.project(cond, projectionColumns(graph, network, mel_dim, 2 * mel_dim));
  const unguided = graph.multiply(reference, graph.float(0)); // without guidance the reference is left out
  const spoken = graph.project(text, projectionColumns(graph, network, 2 * mel_dim, 2 * mel_dim + text_dim));
  return graph.add(graph.add(stack(reference, unguided), spoken), network.weights.value(graph, `${PROJECTION}.bias`));
}

/**
 * The projection of the state, in the loop.
 * @param state [B, N, mel_dim] in the loop's element type
 * @returns [B·N, dim]
 */
export function stateProjection(graph: Graph, network: Network, state: Value): Value {
  const { mel_dim } = network.architecture;
  const columns = projectionColumns(graph.top, network, 0, mel_dim);
  const weight = network.options.precision === 'f16' ? graph.top.cast(columns, 'float16') : columns;
  return graph.linear(graph.reshape(state, [-1, mel_dim]), weight);
}

/** Some columns of the projection's weight; a constant once the session is created. */
function projectionColumns(graph: Graph, network: Network, start: number, end: number): Value {
  return graph.slice(network.weights.value(graph, `${PROJECTION}.weight`), 1, start, end);
}

/**
 * Adds what two grouped convolutions make of the frames around each frame (official `ConvPositionEmbedding`).
 * Upstream masks after each convolution, before Mish. As Mish(0) = 0, a mask before and after each of them is enough.
 *
 * @param x [R, N, dim] in the loop's element type
 * @param mask [R, 1, N]: 1 up to the item's duration
 */
export function addPositions(graph: Graph, network: Network, x: Value, mask: Value): Value {
  const type = loopType(network);
  const { kernel, groups } = POSITION_CONVOLUTION;
  const pad = (kernel - 1) / 2;
  let y = graph.multiply(graph.transpose(x, [0, 2, 1]), mask);
  for (const index of [0, 2]) {
    const weight = (part: string): Value =>
      network.weights.value(graph, `input_embed.conv_pos_embed.conv1d.${index}.${part}`, type);
    const convolved = graph.op('Conv', [y, weight('weight'), weight('bias')], { pads: [pad, pad], group: groups });
    y = graph.mish(graph.multiply(convolved, mask), type);
  }
  return graph.add(graph.transpose(y, [0, 2, 1]), x);
}
