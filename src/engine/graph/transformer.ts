/** The transformer blocks of one ODE step: adaptive norms, attention, feed-forward, on a matrix of tokens. */
import { selfAttention } from './attention.ts';
import { loopLinear, loopType } from './network.ts';
import { modulate } from './time-embedding.ts';
import type { AttentionTables } from './attention.ts';
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';
import type { Network } from './network.ts';
import type { TokenLayout } from './token-layout.ts';

/** The modulations of all steps: one tensor [S, 6 · dim] a block and [S, 2 · dim] for the last norm. */
export interface Modulations {
  readonly blocks: readonly Value[];
  readonly last: Value;
}

/** Order of the chunks in an official `AdaLayerNorm`: shift, scale, gate of attention, then of the feed-forward. */
const BLOCK_PARTS = 6;
const BLOCK_SCALES = [1, 4];
/** `AdaLayerNorm_Final` has the scale first, then the shift. */
const LAST_PARTS = 2;
const LAST_SCALES = [0];

export function computeModulations(graph: Graph, network: Network, embeddedTimes: Value): Modulations {
  const blocks = Array.from({ length: network.architecture.depth }, (_, i) =>
    modulate(graph, network, embeddedTimes, `transformer_blocks.${i}.attn_norm.linear`, BLOCK_PARTS, BLOCK_SCALES),
  );
  return { blocks, last: modulate(graph, network, embeddedTimes, 'norm_out.linear', LAST_PARTS, LAST_SCALES) };
}

/**
 * All blocks and the output layer: tokens [tokens, dim] → flow [tokens, mel_dim].
 * @param step int64 scalar: which row of the modulations counts
 */
export function transform(
  graph: Graph,
  network: Network,
  tables: AttentionTables,
  layout: TokenLayout,
  modulations: Modulations,
  step: Value,
  tokens: Value,
): Value {
  const { depth, long_skip_connection } = network.architecture;
  const stream = new ResidualStream(graph, network, tokens);
  for (let i = 0; i < depth; i++) {
    const name = `transformer_blocks.${i}`;
    const chunks = graph.split(graph.gather(modulations.blocks[i]!, step), BLOCK_PARTS, 0);
    const [attentionShift, attentionScale, attentionGate, forwardShift, forwardScale, forwardGate] = chunks as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    const attentionInput = stream.normalised(attentionScale, attentionShift);
    const attended = selfAttention(graph, network, tables, layout, `${name}.attn`, attentionInput);
    stream.add(graph.multiply(attended, attentionGate));

    const hidden = loopLinear(graph, network, stream.normalised(forwardScale, forwardShift), `${name}.ff.ff.0.0`);
    const forwarded = loopLinear(graph, network, tanhGelu(graph, network, hidden), `${name}.ff.ff.2`);
    stream.add(graph.multiply(forwarded, forwardGate));
  }
  if (long_skip_connection) {
    const weight = network.weights.value(graph, 'long_skip_connection.weight', loopType(network));
    stream.replace(graph.linear(graph.concat([stream.settled(), tokens], 1), weight));
  }
  const [scale, shift] = graph.split(graph.gather(modulations.last, step), LAST_PARTS, 0) as [Value, Value];
  return loopLinear(graph, network, stream.normalised(scale, shift), 'proj_out');
}

/** The sum that branches are added to. A branch waits until the next norm, which can add it in the same operator. */
class ResidualStream {
  private readonly graph: Graph;
  private readonly network: Network;
  private sum: Value;
  private branch: Value | undefined;

  constructor(graph: Graph, network: Network, start: Value) {
    this.graph = graph;
    this.network = network;
    this.sum = start;
  }

  add(branch: Value): void {
    this.sum = this.settled();
    this.branch = branch;
  }

  replace(sum: Value): void {
    this.sum = sum;
    this.branch = undefined;
  }

  /** The sum with all branches. */
  settled(): Value {
    if (this.branch !== undefined) this.replace(this.graph.add(this.sum, this.branch));
    return this.sum;
  }

  /** Layer norm whose scale and shift are the step's modulation: every row shares them, so no further node is needed. */
  normalised(scale: Value, shift: Value): Value {
    if (this.branch === undefined || !this.network.options.fusedNorm) {
      return this.graph.layerNorm(this.settled(), scale, shift);
    }
    const [normed, , , sum] = this.graph.multi(
      'SkipLayerNormalization',
      [this.sum, this.branch, scale, shift],
      4,
      { epsilon: { float: 1e-6 } },
      { contrib: true },
    ) as [Value, Value, Value, Value];
    this.replace(sum);
    return normed;
  }
}

/** GELU in its tanh form: x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))) */
function tanhGelu(graph: Graph, network: Network, x: Value): Value {
  if (network.options.kernels === 'fused') return graph.contrib('FastGelu', [x]);
  const constant = (value: number): Value => graph.cast(graph.float(value), loopType(network));
  const cube = graph.multiply(graph.multiply(x, x), x);
  const inner = graph.add(x, graph.multiply(cube, constant(0.044715)));
  const tanh = graph.op('Tanh', [graph.multiply(inner, constant(Math.sqrt(2 / Math.PI)))]);
  return graph.multiply(graph.multiply(x, constant(0.5)), graph.add(tanh, constant(1)));
}
