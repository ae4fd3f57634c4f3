/**
 * Floating-point operations of the sampler, counted from its architecture. A product of [m, k] and [k, n] counts as 2·m·k·n, a
 * convolution as the product that it is. Norms, activations, softmax and rotations count as nothing: they are few operations,
 * and whatever time they take lowers the figure, as it should.
 */
import { type Architecture, POSITION_CONVOLUTION, TIME_FREQUENCIES } from '../src/engine/graph/architecture.ts';

/** Kernel and inner width of the text encoder's blocks. */
const TEXT_KERNEL = 7;
const TEXT_MULTIPLE = 2;

export interface SamplerShape {
  readonly batch: number;
  /** frames of each item, padding included: it is computed, too */
  readonly frames: number;
  readonly steps: number;
  /** 2 with guidance, 1 without */
  readonly passes: 1 | 2;
}

export interface SamplerFlops {
  /** once a call: text encoder, reference and text through the input projection, modulations of all steps */
  readonly before: number;
  /** once a step, by kind of operator */
  readonly linear: number;
  readonly attention: number;
  readonly convolution: number;
  /** before + steps x (linear + attention + convolution) */
  readonly total: number;
}

/** With T = passes·batch·frames tokens, N = frames, D = dim, A = heads·dim_head, F = ff_mult·D, M = mel_dim, E = text_dim, S = steps. */
export function samplerFlops(architecture: Architecture, shape: SamplerShape): SamplerFlops {
  const {
    dim: D,
    depth,
    heads,
    dim_head,
    ff_mult,
    mel_dim: M,
    text_dim: E,
    conv_layers,
    long_skip_connection,
  } = architecture;
  const { batch, frames: N, steps: S, passes } = shape;
  const T = passes * batch * N;
  const A = heads * dim_head;
  const F = ff_mult * D;

  const linear =
    2 * batch * N * M * D + // the state's input projection, shared by both passes
    depth * (2 * T * D * 3 * A + 2 * T * A * D + 2 * T * D * F + 2 * T * F * D) + // query, key, value; output; feed-forward
    (long_skip_connection ? 2 * T * 2 * D * D : 0) +
    2 * T * D * M; // to the flow
  const attention = depth * 2 * (2 * T * N * A); // scores, and values by them: every frame looks at every frame of its item
  const convolution = 2 * (2 * T * POSITION_CONVOLUTION.kernel * D * (D / POSITION_CONVOLUTION.groups)); // two layers

  const textBlock = 2 * T * E * TEXT_KERNEL + 2 * (2 * T * E * TEXT_MULTIPLE * E);
  const before =
    conv_layers * textBlock +
    2 * batch * N * M * D + // the reference's input projection
    2 * T * E * D + // the text's
    2 * S * (TIME_FREQUENCIES * D + D * D + depth * D * 6 * D + D * 2 * D); // times, and the modulations that follow
  return { before, linear, attention, convolution, total: before + S * (linear + attention + convolution) };
}
