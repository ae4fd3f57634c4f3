/** Time embedding and the modulations that follow from it, for all steps of the ODE at once. */
import { TIME_FREQUENCIES } from './architecture.ts';
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';
import type { Network } from './network.ts';

/** Times are scaled by this before the sinusoids (upstream `SinusPositionEmbedding`). */
const TIME_SCALE = 1000;

/** `times` float32 [S] → SiLU of the time embedding [S, dim], from which every block's modulation is a linear layer. */
export function embedTimes(graph: Graph, network: Network, times: Value): Value {
  const weight = (name: string): Value => network.weights.value(graph, `time_embed.time_mlp.${name}`);
  const half = TIME_FREQUENCIES / 2;
  const decay = Math.fround(-Math.log(10_000) / (half - 1));
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp(Math.fround(i * decay)));
  const scaled = graph.multiply(graph.unsqueeze(times, [1]), graph.float(TIME_SCALE));
  const angles = graph.multiply(scaled, graph.floats(frequencies, [1, half], 'time_frequencies'));
  const sinusoids = graph.concat([graph.op('Sin', [angles]), graph.op('Cos', [angles])], 1);
  const hidden = graph.silu(graph.linear(sinusoids, weight('0.weight'), weight('0.bias')));
  return graph.silu(graph.linear(hidden, weight('2.weight'), weight('2.bias')));
}

/**
 * One adaptive norm's modulations [S, parts · dim]. The network multiplies by (1 + scale): the 1 is added to the bias here, so
 * that the loop can hand the scale to LayerNormalization as it is.
 *
 * @param scaleParts which of the `parts` chunks are scales
 */
export function modulate(
  graph: Graph,
  network: Network,
  embeddedTimes: Value,
  name: string,
  parts: number,
  scaleParts: readonly number[],
): Value {
  const { dim } = network.architecture;
  const ones = Float32Array.from({ length: parts * dim }, (_, i) => (scaleParts.includes(Math.floor(i / dim)) ? 1 : 0));
  const bias = graph.add(network.weights.value(graph, `${name}.bias`), graph.floats(ones, [ones.length], 'one_plus'));
  return graph.linear(embeddedTimes, network.weights.value(graph, `${name}.weight`), bias);
}
