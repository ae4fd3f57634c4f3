/** What every part of the sampler's graph is built from: the architecture, the weights, and how it shall compute. */
import type { Architecture } from './architecture.ts';
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';
import type { Weights } from './weights.ts';

export interface NetworkOptions {
  /** Element type inside the ODE loop. State, guidance and all that is computed before the loop are float32 always. */
  readonly precision: 'f32' | 'f16';
  /** fused: ONNX Runtime's own operators (attention, rotary embedding, GELU); plain: operators of ONNX only */
  readonly kernels: 'fused' | 'plain';
  /** Let layers that treat frames one by one see the real frames of a batch only, not its padding. */
  readonly packed: boolean;
  /** Add and normalise in one operator: fewer passes over memory on a GPU, but the CPU's kernel is slower than two. */
  readonly fusedNorm: boolean;
}

export const PRESETS: Record<'cpu' | 'cuda', Omit<NetworkOptions, 'precision'>> = {
  cpu: { kernels: 'fused', packed: false, fusedNorm: false },
  cuda: { kernels: 'fused', packed: true, fusedNorm: true },
};

/** For a build of the runtime that lacks one of the fused kernels. */
export function withoutFusedKernels(options: NetworkOptions): NetworkOptions {
  return { ...options, kernels: 'plain', fusedNorm: false };
}

export interface Network {
  readonly architecture: Architecture;
  readonly weights: Weights;
  readonly options: NetworkOptions;
}

/** Element type of the network inside the loop. */
export function loopType(network: Network): 'float32' | 'float16' {
  return network.options.precision === 'f16' ? 'float16' : 'float32';
}

/** A value of before the loop, as the loop computes with it. */
export function forLoop(graph: Graph, network: Network, value: Value, hint?: string): Value {
  return network.options.precision === 'f16' ? graph.cast(value, 'float16', hint) : value;
}

/** Fully connected layer inside the loop, on a matrix of tokens [T, in]: [T, out]. */
export function loopLinear(graph: Graph, network: Network, x: Value, name: string): Value {
  const type = loopType(network);
  const { weights } = network;
  return graph.linear(x, weights.value(graph, `${name}.weight`, type), weights.value(graph, `${name}.bias`, type));
}

/** 10000^(-2i/size) for i < size/2, in single precision as the official code computes it. */
export function rotaryFrequencies(size: number): Float32Array {
  return Float32Array.from({ length: size / 2 }, (_, i) => 1 / Math.fround(10_000 ** Math.fround((2 * i) / size)));
}
