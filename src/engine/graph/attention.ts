/** Self-attention with rotary positions, masked by each item's duration. */
import { ABSENT } from './graph-writer.ts';
import { forLoop, loopLinear, loopType, rotaryFrequencies } from './network.ts';
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';
import type { Network } from './network.ts';
import type { TokenLayout } from './token-layout.ts';

/** What attention needs in every step and block; made once, before the loop. */
export interface AttentionTables {
  /** [N, dim_head / 2] */
  readonly cosines: Value;
  readonly sines: Value;
  /** which keys an item may look at, in the form that the kernel takes */
  readonly mask: Value;
}

/** Added to the scores of masked keys. Its exponential is 0 in single precision, and it is finite in half precision. */
const MASKED_SCORE = -1e4;

/**
 * @param position int64 [N]
 * @param duration int64 [R]
 * @param durationMask float32 [R, N]
 */
export function attentionTables(
  graph: Graph,
  network: Network,
  { position, duration, durationMask }: { position: Value; duration: Value; durationMask: Value },
): AttentionTables {
  const { dim_head } = network.architecture;
  // Published files carry these numbers as a buffer (rotary_embed.inv_freq), others do not; they are always the same.
  const frequencies = graph.floats(rotaryFrequencies(dim_head), [dim_head / 2], 'rotary_frequencies');
  // In single precision always: half of it would be off by whole radians at the end of a long sequence.
  const angles = graph.multiply(graph.unsqueeze(graph.cast(position, 'float32'), [1]), frequencies);
  const mask =
    network.options.kernels === 'fused'
      ? keyLengths(graph, duration, graph.sizeOf(position, 0))
      : forLoop(graph, network, keyScores(graph, durationMask), 'attention_mask');
  return {
    cosines: forLoop(graph, network, graph.op('Cos', [angles])),
    sines: forLoop(graph, network, graph.op('Sin', [angles])),
    mask,
  };
}

/**
 * int32 [3R + 2]: the keys of each row, then the cumulative starts of queries and of keys. Of the mask forms that
 * MultiHeadAttention takes it is the one for which CUDA has a memory-efficient kernel.
 */
function keyLengths(graph: Graph, duration: Value, frames: Value): Value {
  const rowsAndEnd = graph.add(graph.sizeOf(duration, 0), graph.integers([1]));
  const starts = graph.multiply(graph.range(rowsAndEnd), frames);
  return graph.cast(graph.concat([duration, starts, starts], 0), 'int32', 'attention_mask');
}

/** [R, 1, 1, N]: 0 for a real key, MASKED_SCORE for padding. */
function keyScores(graph: Graph, durationMask: Value): Value {
  const isPadding = graph.subtract(graph.float(1), graph.unsqueeze(durationMask, [1, 2]));
  return graph.multiply(isPadding, graph.float(MASKED_SCORE), 'attention_mask');
}

/** One block's attention: normalised tokens [tokens, dim] → [tokens, dim]. */
export function selfAttention(
  graph: Graph,
  network: Network,
  tables: AttentionTables,
  layout: TokenLayout,
  name: string,
  tokens: Value,
): Value {
  const { heads, dim_head, qk_norm } = network.architecture;
  const project = (part: string): Value => layout.unpack(graph, loopLinear(graph, network, tokens, `${name}.${part}`));
  let query = project('to_q');
  let key = project('to_k');
  const value = project('to_v');
  if (qk_norm !== null) {
    query = headNorm(graph, network, query, `${name}.q_norm.weight`);
    key = headNorm(graph, network, key, `${name}.k_norm.weight`);
  }
  query = rotate(graph, network, tables, query);
  key = rotate(graph, network, tables, key);
  const attended =
    network.options.kernels === 'fused'
      ? graph.contrib('MultiHeadAttention', [query, key, value, ABSENT, tables.mask], {
          num_heads: heads,
          scale: { float: 1 / Math.sqrt(dim_head) },
        })
      : plainAttention(graph, network, query, key, value, tables.mask);
  return loopLinear(graph, network, layout.pack(graph, attended, heads * dim_head), `${name}.to_out.0`);
}

function plainAttention(graph: Graph, network: Network, query: Value, key: Value, value: Value, mask: Value): Value {
  const { heads, dim_head } = network.architecture;
  const byHead = (x: Value, axes: readonly number[]): Value =>
    graph.transpose(graph.reshape(x, [0, 0, heads, dim_head]), axes);
  const scale = graph.cast(graph.float(1 / Math.sqrt(dim_head)), loopType(network));
  const scaledQuery = graph.multiply(byHead(query, [0, 2, 1, 3]), scale);
  const scores = graph.add(graph.op('MatMul', [scaledQuery, byHead(key, [0, 2, 3, 1])]), mask);
  const attended = graph.op('MatMul', [graph.op('Softmax', [scores], { axis: -1 }), byHead(value, [0, 2, 1, 3])]);
  return graph.reshape(graph.transpose(attended, [0, 2, 1, 3]), [0, 0, heads * dim_head]);
}

/** Rotary embedding on [R, N, heads · dim_head]; only the first `pe_attn_head` heads where the architecture says so (v0). */
function rotate(graph: Graph, network: Network, tables: AttentionTables, x: Value): Value {
  const { heads, dim_head, pe_attn_head } = network.architecture;
  if (pe_attn_head === null || pe_attn_head >= heads) return rotateHeads(graph, network, tables, x, heads);
  const rotated = graph.slice(x, 2, 0, pe_attn_head * dim_head);
  const untouched = graph.slice(x, 2, pe_attn_head * dim_head, heads * dim_head);
  return graph.concat([rotateHeads(graph, network, tables, rotated, pe_attn_head), untouched], 2);
}

/** Neighbouring elements are the pairs that turn (upstream: x_transformers' interleaved form). */
function rotateHeads(graph: Graph, network: Network, tables: AttentionTables, x: Value, heads: number): Value {
  const { dim_head } = network.architecture;
  if (network.options.kernels === 'fused') {
    return graph.contrib('RotaryEmbedding', [x, graph.integers([0]), tables.cosines, tables.sines], {
      interleaved: 1,
      num_heads: heads,
    });
  }
  const pairs = graph.reshape(x, [0, 0, heads, dim_head / 2, 2]);
  const [even, odd] = graph.split(pairs, 2, 4) as [Value, Value];
  const cosines = graph.unsqueeze(tables.cosines, [1, 3]);
  const sines = graph.unsqueeze(tables.sines, [1, 3]);
  const turnedEven = graph.subtract(graph.multiply(even, cosines), graph.multiply(odd, sines));
  const turnedOdd = graph.add(graph.multiply(odd, cosines), graph.multiply(even, sines));
  return graph.reshape(graph.concat([turnedEven, turnedOdd], 4), [0, 0, heads * dim_head]);
}

/** RMS norm of each head. Squares overflow half precision early, hence float32. */
function headNorm(graph: Graph, network: Network, x: Value, weightName: string): Value {
  const { heads, dim_head } = network.architecture;
  const isHalf = network.options.precision === 'f16';
  const wide = isHalf ? graph.cast(x, 'float32') : x;
  const byHead = graph.reshape(wide, [0, 0, heads, dim_head]);
  const meanSquare = graph.op('ReduceMean', [graph.multiply(byHead, byHead), graph.integers([-1])], { keepdims: 1 });
  const root = graph.op('Sqrt', [graph.add(meanSquare, graph.float(1e-6))]);
  const scaled = graph.multiply(graph.divide(byHead, root), network.weights.value(graph, weightName));
  const normed = graph.reshape(scaled, [0, 0, heads * dim_head]);
  return isHalf ? graph.cast(normed, 'float16') : normed;
}
