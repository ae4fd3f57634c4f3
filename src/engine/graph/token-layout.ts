/**
 * Two layouts of the frames of a batch. Convolutions and attention need the padded one, [rows, frames, size]. Layers that
 * treat every frame alone take a matrix [tokens, size], whose tokens are either all frames or the real ones only.
 */
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';

export interface TokenLayout {
  /** [R, N, size] → [tokens, size] */
  pack(graph: Graph, x: Value, size: number): Value;
  /** [tokens, size] → [R, N, size]; what stands past an item's duration is finite, but of no meaning */
  unpack(graph: Graph, tokens: Value): Value;
}

/** Every frame is a token: no data is moved. */
export function paddedLayout(graph: Graph, rows: Value, frames: Value): TokenLayout {
  const paddedShape = graph.shape([rows, frames, -1]);
  return {
    pack: (target, x, size) => target.reshape(x, [-1, size]),
    unpack: (target, tokens) => target.reshape(tokens, paddedShape),
  };
}

/** Only frames within their item's duration are tokens. The index tables are made once, before the loop. */
export function packedLayout(graph: Graph, rows: Value, frames: Value, durationMask: Value): TokenLayout {
  const isReal = graph.cast(graph.reshape(durationMask, [-1]), 'int64');
  const frameOfToken = graph.reshape(graph.op('NonZero', [isReal]), [-1]);
  const realSoFar = graph.op('CumSum', [isReal, graph.integer(0)]);
  const tokenOfFrame = graph.reshape(
    graph.op('Max', [graph.subtract(realSoFar, graph.integer(1)), graph.integer(0)]),
    graph.shape([rows, frames]),
  );
  return {
    pack: (target, x, size) => target.gather(target.reshape(x, [-1, size]), frameOfToken),
    unpack: (target, tokens) => target.gather(tokens, tokenOfFrame),
  };
}
