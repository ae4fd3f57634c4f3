/** The operators that the F5 graphs are written with, as short methods. Semantics are those of ONNX opset 18. */
import { dataTypeNumber, GraphWriter } from './graph-writer.ts';
import type { ElementType, Value } from './graph-writer.ts';

/** A size: known now, or an int64 tensor of one element that is known at run time. */
export type Size = number | Value;

export class Graph extends GraphWriter {
  /** The model's own graph: what does not change from one iteration of a Loop to the next belongs there. */
  readonly top: Graph;

  constructor(name: string, top?: Graph) {
    super(name, top);
    this.top = top ?? this;
  }

  /** A graph for the body of a Loop in this one. */
  body(name: string): Graph {
    return new Graph(name, this.top);
  }

  // ------------------------------------------------------------------------------------------------ constants

  float(value: number): Value {
    return this.constant('float32', [], Float32Array.of(value), 'float');
  }

  floats(data: Float32Array, shape: readonly number[], hint = 'floats'): Value {
    return this.constant('float32', shape, data, hint);
  }

  integer(value: number): Value {
    return this.constant('int64', [], BigInt64Array.of(BigInt(value)), 'integer');
  }

  integers(values: readonly number[]): Value {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt), 'integers');
  }

  // ------------------------------------------------------------------------------------------------ arithmetic

  add(a: Value, b: Value): Value {
    return this.op('Add', [a, b]);
  }

  subtract(a: Value, b: Value): Value {
    return this.op('Sub', [a, b]);
  }

  multiply(a: Value, b: Value, hint?: string): Value {
    return this.op('Mul', [a, b], {}, hint);
  }

  /** Integers are divided without rest. */
  divide(a: Value, b: Value): Value {
    return this.op('Div', [a, b]);
  }

  less(a: Value, b: Value): Value {
    return this.op('Less', [a, b]);
  }

  where(condition: Value, a: Value, b: Value): Value {
    return this.op('Where', [condition, a, b]);
  }

  cast(x: Value, to: ElementType, hint?: string): Value {
    return this.op('Cast', [x], { to: dataTypeNumber(to) }, hint);
  }

  silu(x: Value): Value {
    return this.multiply(x, this.op('Sigmoid', [x]));
  }

  /**
   * x · tanh(ln(1 + e^x)), written as x · n / (n + 2) with n = e^x · (e^x + 2). Not with Softplus: its CPU kernel rounds
   * otherwise at the borders between threads, so that an item's bits would depend on the size of its batch.
   */
  mish(x: Value, elementType: 'float32' | 'float16'): Value {
    const constant = (value: number): Value => this.cast(this.float(value), elementType);
    // From here on n / (n + 2) rounds to 1 in the element type, and n is still far from overflow.
    const limit = elementType === 'float32' ? 20 : 5;
    const exponential = this.op('Exp', [this.op('Min', [x, constant(limit)])]);
    const n = this.multiply(exponential, this.add(exponential, constant(2)));
    return this.multiply(x, this.divide(n, this.add(n, constant(2))));
  }

  // ------------------------------------------------------------------------------------------------ shapes

  /** Size of one axis, as an int64 tensor of one element. */
  sizeOf(x: Value, axis: number): Value {
    return this.op('Shape', [x], { start: axis, end: axis + 1 });
  }

  /** A shape for `reshape`: 0 keeps the input's axis, -1 takes what is left. */
  shape(sizes: readonly Size[]): Value {
    const known = sizes.filter((size) => typeof size === 'number');
    if (known.length === sizes.length) return this.integers(known);
    return this.concat(
      sizes.map((size) => (typeof size === 'number' ? this.integers([size]) : size)),
      0,
    );
  }

  reshape(x: Value, shape: Value | readonly Size[]): Value {
    return this.op('Reshape', [x, typeof shape === 'string' ? shape : this.shape(shape)]);
  }

  unsqueeze(x: Value, axes: readonly number[], hint?: string): Value {
    return this.op('Unsqueeze', [x, this.integers(axes)], {}, hint);
  }

  /** Tensor of one element to a scalar. */
  scalar(x: Value): Value {
    return this.op('Squeeze', [x, this.integers([0])]);
  }

  transpose(x: Value, axes: readonly number[]): Value {
    return this.op('Transpose', [x], { perm: axes });
  }

  concat(xs: readonly Value[], axis: number): Value {
    return this.op('Concat', xs, { axis });
  }

  /** Elements from `start` up to, not including, `end` of one axis. */
  slice(x: Value, axis: number, start: Size, end: Size): Value {
    const position = (size: Size): Value => (typeof size === 'number' ? this.integers([size]) : size);
    return this.op('Slice', [x, position(start), position(end), this.integers([axis])]);
  }

  /** Cuts one axis into `count` equal parts. */
  split(x: Value, count: number, axis: number): Value[] {
    return this.multi('Split', [x], count, { axis, num_outputs: count });
  }

  gather(x: Value, indices: Value, axis = 0): Value {
    return this.op('Gather', [x, indices], { axis });
  }

  /** int64 numbers 0 .. size-1, of a size known at run time. */
  range(size: Value): Value {
    return this.op('Range', [this.integer(0), this.scalar(size), this.integer(1)]);
  }

  // ------------------------------------------------------------------------------------------------ layers

  /** x · Wᵀ + b on a matrix; W [out, in] lies as PyTorch stores it. */
  linear(x: Value, weight: Value, bias?: Value): Value {
    return this.op('Gemm', bias === undefined ? [x, weight] : [x, weight, bias], { transB: 1 });
  }

  /**
   * x · Wᵀ + b on the last axis of a tensor of any rank. The transposed weight is folded into a constant when the session
   * is created: for the smaller layers only, large ones go through `linear`, which needs no copy.
   */
  project(x: Value, weight: Value, bias?: Value): Value {
    const product = this.op('MatMul', [x, this.top.transpose(weight, [1, 0])]);
    return bias === undefined ? product : this.add(product, bias);
  }

  /** Over the last axis. All norms of F5 and Vocos use epsilon 1e-6. */
  layerNorm(x: Value, scale: Value, shift: Value): Value {
    return this.op('LayerNormalization', [x, scale, shift], { axis: -1, epsilon: { float: 1e-6 } });
  }
}
