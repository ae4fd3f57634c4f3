/** The tensors of one network: found in a safetensors file, checked against what the architecture needs, put into graphs. */
import { NarratorError } from '../../core/errors.ts';
import type { Graph } from './graph.ts';
import type { ElementType, ExternalTensor, Value } from './graph-writer.ts';
import type { Safetensors } from './safetensors.ts';

export interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** How many problems a message lists before it only counts. */
const LISTED_PROBLEMS = 20;

export class Weights {
  private readonly file: Safetensors;
  private readonly prefix: string;

  /**
   * @param anchor name of a tensor that every such network has: what stands before it in the file stands before all
   * names ('ema_model.transformer.' in published F5 files, nothing in others)
   * @throws NarratorError model_invalid if no tensor has that name
   */
  constructor(file: Safetensors, anchor: string) {
    this.file = file;
    this.prefix = findPrefix(file, anchor);
  }

  has(name: string): boolean {
    return this.file.find(this.prefix + name) !== undefined;
  }

  /** @throws NarratorError model_invalid if there is no such tensor */
  shape(name: string): readonly number[] {
    return this.find(name).shape;
  }

  /** @throws NarratorError model_invalid that lists every tensor that is missing or has another shape */
  check(expected: readonly ExpectedTensor[]): void {
    const problems = expected.flatMap(({ name, shape }) => {
      const found = this.file.find(this.prefix + name);
      if (found === undefined) return [`${this.prefix}${name} [${shape.join(', ')}] is missing`];
      if (found.elementType === 'int64') return [`${this.prefix}${name} holds integers`];
      if (found.shape.join() === shape.join()) return [];
      return [`${this.prefix}${name} is [${found.shape.join(', ')}], not [${shape.join(', ')}]`];
    });
    if (problems.length === 0) return;
    const listed = problems.slice(0, LISTED_PROBLEMS);
    if (problems.length > listed.length) listed.push(`and ${problems.length - listed.length} more`);
    throw new NarratorError('model_invalid', `${this.file.path} does not fit the architecture: ${listed.join('; ')}`);
  }

  /**
   * A weight as a constant of the model, in the element type that the caller computes in. Its bytes stay in the file; a
   * conversion is an operator on a constant, which ONNX Runtime computes once, when the session is created.
   */
  value(graph: Graph, name: string, elementType: ElementType = 'float32'): Value {
    const tensor = this.find(name);
    const stored = graph.external(name, tensor);
    return tensor.elementType === elementType ? stored : graph.top.cast(stored, elementType);
  }

  private find(name: string): ExternalTensor {
    const tensor = this.file.find(this.prefix + name);
    if (tensor === undefined)
      throw new NarratorError('model_invalid', `${this.file.path} has no tensor ${this.prefix}${name}`);
    return tensor;
  }
}

function findPrefix(file: Safetensors, anchor: string): string {
  const prefixes = [...file.names()]
    .filter((name) => name === anchor || name.endsWith(`.${anchor}`))
    .map((name) => name.slice(0, name.length - anchor.length))
    .sort((a, b) => a.length - b.length);
  // A training checkpoint holds the network twice; the averaged weights are the ones that speak.
  const prefix = prefixes.find((candidate) => candidate.startsWith('ema')) ?? prefixes[0];
  if (prefix === undefined) {
    throw new NarratorError(
      'model_invalid',
      `${file.path} has no tensor named ${anchor}: it holds another kind of network`,
    );
  }
  return prefix;
}
