/** The one place that talks to ONNX Runtime: providers, sessions, tensors, and what its errors mean. */
import './disable-telemetry.ts'; // before the runtime is loaded
import * as ort from 'onnxruntime-node';
import { NarratorError } from '../../core/errors.ts';
import { Graph } from '../graph/graph.ts';

export type ExecutionProvider = 'cpu' | 'cuda';

export interface SessionSettings {
  readonly provider: ExecutionProvider;
  /** threads of one operator; 0: the runtime's choice, one a physical core */
  readonly threads: number;
  /** folder that the graph's external tensors lie in; may be read-only */
  readonly weightsFolder?: string;
}

export type TensorData =
  | { readonly float32: Float32Array; readonly shape: readonly number[] }
  | { readonly int64: readonly number[]; readonly shape: readonly number[] };

// What goes wrong is thrown and reported by us. Else trying a provider out writes a red error to standard error.
ort.env.logLevel = 'fatal';

/** Version of ONNX Runtime, for reports. */
export const runtimeVersion: string = ort.env.versions.node ?? ort.env.versions.common;

/** The providers that work on this machine, best first: each is tried out with a graph of one operator. */
export async function listProviders(): Promise<ExecutionProvider[]> {
  const failure = await tryProvider('cuda');
  return failure === undefined ? ['cuda', 'cpu'] : ['cpu'];
}

/**
 * Never falls back to another provider.
 * @throws NarratorError provider_unavailable that says what to install
 */
export async function requireProvider(provider: ExecutionProvider): Promise<void> {
  const failure = await tryProvider(provider);
  if (failure === undefined) return;
  throw new NarratorError(
    'provider_unavailable',
    'CUDA was asked for, but ONNX Runtime cannot use it here: it needs an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9, ' +
      `and its own CUDA files (npm run cuda:install). It says: ${firstLine(failure)}`,
    { field: 'provider' },
    { cause: failure },
  );
}

/** @returns why a session cannot be created, or undefined if it can */
async function tryProvider(provider: ExecutionProvider): Promise<unknown> {
  if (provider === 'cpu') return undefined;
  const graph = new Graph('probe');
  const x = graph.input('x', 'float32', [1]);
  graph.output(graph.add(x, x), 'y', 'float32', [1]);
  try {
    await (await OnnxSession.create(graph.toModel(), { provider, threads: 1 })).release();
    return undefined;
  } catch (failure) {
    return failure;
  }
}

export class OnnxSession {
  private readonly session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.session = session;
  }

  /** Rejects with the runtime's own error: what it means depends on what was tried. */
  static async create(model: Uint8Array, settings: SessionSettings): Promise<OnnxSession> {
    const session = await ort.InferenceSession.create(model, {
      executionProviders: [settings.provider],
      intraOpNumThreads: settings.threads,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3, // errors; warnings are about where it places operators
      ...(settings.weightsFolder === undefined
        ? {}
        : { extra: { session: { model_external_initializers_file_folder_path: settings.weightsFolder } } }),
    });
    return new OnnxSession(session);
  }

  /**
   * Computes one graph. Blocks the thread until it is done: nothing else of this process runs meanwhile.
   * @returns the data of each output by name; int64 comes as BigInt64Array
   * @throws NarratorError out_of_memory or internal
   */
  async run(inputs: Readonly<Record<string, TensorData>>): Promise<Record<string, ort.Tensor['data']>> {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, toTensor(input)]));
    try {
      const outputs = await this.session.run(feeds);
      return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
    } catch (cause) {
      throw runError(cause);
    }
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function toTensor(input: TensorData): ort.Tensor {
  return 'float32' in input
    ? new ort.Tensor('float32', input.float32, input.shape)
    : new ort.Tensor('int64', BigInt64Array.from(input.int64, BigInt), input.shape);
}

/**
 * The binding's errors carry a message only, neither code nor name, so here the message must tell (allocators of the CPU
 * and of CUDA). A message that is not known is reported as it is.
 */
const OUT_OF_MEMORY = /failed to allocate memory|out of memory|bad_alloc|bad allocation|allocation failed/i;

function runError(cause: unknown): NarratorError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return OUT_OF_MEMORY.test(message)
    ? new NarratorError('out_of_memory', 'The model ran out of memory on this batch', {}, { cause })
    : new NarratorError('internal', `ONNX Runtime failed: ${firstLine(cause)}`, {}, { cause });
}

/** Runtime messages run over many lines, with source paths of its own. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0]!.slice(0, 500);
}
