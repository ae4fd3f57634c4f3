/** Euler's method inside the graph: one ONNX Loop over all steps, so that nothing leaves the device between them. */
import { addPositions, stateProjection } from './input-embedding.ts';
import { forLoop } from './network.ts';
import { ABSENT } from './graph-writer.ts';
import { transform } from './transformer.ts';
import type { AttentionTables } from './attention.ts';
import type { Graph } from './graph.ts';
import type { Value } from './graph-writer.ts';
import type { Network } from './network.ts';
import type { TokenLayout } from './token-layout.ts';
import type { Modulations } from './transformer.ts';

/** What the loop needs from before it. R rows = B items × passes, N frames, S steps; * = in the loop's element type. */
export interface LoopConstants {
  /** int64 [1]: S */
  readonly stepCount: Value;
  /** float32 [S] */
  readonly stepSizes: Value;
  /** * [R, N, dim]: the input projection without the state */
  readonly base: Value;
  /** * [R, 1, N] */
  readonly convolutionMask: Value;
  readonly attention: AttentionTables;
  readonly modulations: Modulations;
  readonly layout: TokenLayout;
  /** [passes, 1, 1] */
  readonly stateRepeats: Value;
  /** [B, N, -1] */
  readonly stateShape: Value;
  /** float32 [B, 1, 1] */
  readonly guidance: Value;
  /** [passes, B, N, mel_dim] */
  readonly flowShape: Value;
}

/** `noise` float32 [B, N, mel_dim] → the state after all steps, of the same shape. */
export function buildOdeLoop(graph: Graph, network: Network, constants: LoopConstants, noise: Value): Value {
  const stateDimensions = ['B', 'N', network.architecture.mel_dim];
  const body = graph.body('euler_step');
  const step = body.input('step', 'int64', []);
  const goOn = body.input('go_on', 'bool', []);
  const state = body.input('state', 'float32', stateDimensions);
  const flow = guidedFlow(body, network, constants, step, state);
  const next = body.add(state, body.multiply(flow, body.gather(constants.stepSizes, step)));
  // Handed through as it is: any operator on it might land on the GPU and cost a synchronisation a step.
  body.result(goOn, 'bool', []);
  body.result(next, 'float32', stateDimensions);
  return graph.op('Loop', [graph.scalar(constants.stepCount), ABSENT, noise], { body: { body } });
}

/** Velocity of the state [B, N, mel_dim], in float32. */
function guidedFlow(graph: Graph, network: Network, constants: LoopConstants, step: Value, state: Value): Value {
  const projected = stateProjection(graph, network, forLoop(graph, network, state));
  const repeated = graph.op('Tile', [graph.reshape(projected, constants.stateShape), constants.stateRepeats]);
  const embedded = addPositions(graph, network, graph.add(repeated, constants.base), constants.convolutionMask);
  const { layout } = constants;
  const tokens = layout.pack(graph, embedded, network.architecture.dim);
  const { attention, modulations } = constants;
  const flow = layout.unpack(graph, transform(graph, network, attention, layout, modulations, step, tokens));
  const wide = network.options.precision === 'f16' ? graph.cast(flow, 'float32') : flow;
  // With one pass the first row is the last, too, and the difference 0: one graph serves both.
  const byPass = graph.reshape(wide, constants.flowShape);
  const guided = graph.gather(byPass, graph.integer(0));
  const unguided = graph.gather(byPass, graph.integer(-1));
  return graph.add(guided, graph.multiply(graph.subtract(guided, unguided), constants.guidance));
}
