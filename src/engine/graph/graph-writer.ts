/** Writes ONNX graphs: names, constants, nodes, Loop bodies, external data. The operators themselves are in graph.ts. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from './onnx_pb.ts';
import type { AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto } from './onnx_pb.ts';

/**
 * Opset 18 is the newest whose every operator used here carries a version number that the CUDA provider has registered
 * kernels for in all releases; later re-versions (Pad-19, Loop-21, Cast-24 ...) have landed on the CPU without a word
 * (microsoft/onnxruntime issues 26065, 26393, 27728). IR version 8 belongs to it.
 */
const OPSET = 18n;
const IR_VERSION = 8n;
/** ONNX Runtime's own operators (MultiHeadAttention, FastGelu ...), all at version 1. */
const CONTRIB_DOMAIN = 'com.microsoft';

export type ElementType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int32' | 'int64' | 'bool';

const DATA_TYPE: Record<ElementType, DataType> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  bfloat16: DataType.BFLOAT16,
  int32: DataType.INT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
};

/** Name of a tensor in the graph. Branded, so that nothing but the writer makes one. */
export type Value = string & { readonly __value: true };

/** What an optional operator input is given when it is left out. */
export const ABSENT = '' as Value;

/** A number where the size is known, a name where it is only known at run time. */
export type Dimension = number | string;

/** Bytes of a tensor that lie in a file beside the model; ONNX Runtime maps them, nothing is copied here. */
export interface ExternalTensor {
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** file name, relative to the folder given to the session */
  readonly location: string;
  /** bytes from the start of the file */
  readonly offset: number;
  readonly length: number;
}

/** Integers by default; ONNX tells an integer attribute from a float one, JavaScript does not. */
export type Attribute =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly body: GraphWriter };

/** A model's graph, or the body of a Loop in it: bodies share names and constants with the model they are part of. */
export class GraphWriter {
  readonly name: string;
  protected readonly root: GraphWriter;
  private readonly nodes: NodeProto[] = [];
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  // Used on the root only
  private readonly initializers = new Map<string, TensorProto>();
  private readonly constants = new Map<string, Value>();
  private valueCount = 0;

  constructor(name: string, parent?: GraphWriter) {
    this.name = name;
    this.root = parent === undefined ? this : parent.root;
  }

  input(name: string, elementType: ElementType, shape: readonly Dimension[]): Value {
    this.inputs.push(valueInfo(name, elementType, shape));
    return name as Value;
  }

  /** Gives `value` the public name `name`. */
  output(value: Value, name: string, elementType: ElementType, shape: readonly Dimension[]): void {
    if (value !== name) this.append('Identity', [value], [name as Value], {}, '');
    this.outputs.push(valueInfo(name, elementType, shape));
  }

  /** A Loop body's output: the value under the name that it has, which saves a node in every iteration. */
  result(value: Value, elementType: ElementType, shape: readonly Dimension[]): void {
    this.outputs.push(valueInfo(value, elementType, shape));
  }

  // ------------------------------------------------------------------------------------------------ constants

  /**
   * Constants always belong to the model's top graph: a Loop body sees them by name, and the runtime prepares them once
   * (packing for matrix products) and not in every iteration. Equal small constants are stored once.
   */
  protected constant(elementType: ElementType, shape: readonly number[], data: ArrayBufferView, hint: string): Value {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength) as Uint8Array<ArrayBuffer>;
    const key = rawData.length <= 256 ? `${elementType}|${shape.join()}|${rawData.join()}` : undefined;
    const known = key === undefined ? undefined : this.root.constants.get(key);
    if (known !== undefined) return known;
    const name = this.freshName(hint);
    this.root.initializers.set(
      name,
      create(TensorProtoSchema, { name, dataType: DATA_TYPE[elementType], dims: shape.map(BigInt), rawData }),
    );
    if (key !== undefined) this.root.constants.set(key, name);
    return name;
  }

  /** A constant whose bytes stay in their file. Asking again for the same name gives the same value. */
  external(name: string, tensor: ExternalTensor): Value {
    if (!this.root.initializers.has(name)) {
      this.root.initializers.set(
        name,
        create(TensorProtoSchema, {
          name,
          dataType: DATA_TYPE[tensor.elementType],
          dims: tensor.shape.map(BigInt),
          dataLocation: DataLocation.EXTERNAL,
          externalData: [
            { key: 'location', value: tensor.location },
            { key: 'offset', value: String(tensor.offset) },
            { key: 'length', value: String(tensor.length) },
          ],
        }),
      );
    }
    return name as Value;
  }

  // ------------------------------------------------------------------------------------------------ nodes

  /** Appends an operator with several outputs. `hint` starts the outputs' names, for whoever reads the graph. */
  multi(
    operator: string,
    inputs: readonly Value[],
    outputCount: number,
    attributes: Record<string, Attribute> = {},
    options: { contrib?: boolean; hint?: string } = {},
  ): Value[] {
    const outputs = Array.from({ length: outputCount }, () => this.freshName(options.hint ?? operator));
    this.append(operator, inputs, outputs, attributes, options.contrib === true ? CONTRIB_DOMAIN : '');
    return outputs;
  }

  /** Appends an operator of ONNX itself with one output. */
  op(operator: string, inputs: readonly Value[], attributes: Record<string, Attribute> = {}, hint?: string): Value {
    const [output] = this.multi(operator, inputs, 1, attributes, hint === undefined ? {} : { hint });
    return output!;
  }

  /** Appends one of ONNX Runtime's own operators with one output. */
  contrib(operator: string, inputs: readonly Value[], attributes: Record<string, Attribute> = {}): Value {
    const [output] = this.multi(operator, inputs, 1, attributes, { contrib: true });
    return output!;
  }

  private append(
    opType: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes: Record<string, Attribute>,
    domain: string,
  ): void {
    this.nodes.push(
      create(NodeProtoSchema, {
        name: `${opType}:${outputs[0] ?? ''}`,
        opType,
        domain,
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
      }),
    );
  }

  /** ONNX has one namespace over a graph and its bodies, hence one counter. */
  private freshName(hint: string): Value {
    return `${hint}_${this.root.valueCount++}` as Value;
  }

  // ------------------------------------------------------------------------------------------------ bytes

  toProto(): GraphProto {
    return create(GraphProtoSchema, {
      name: this.name,
      node: this.nodes,
      initializer: [...this.initializers.values()],
      input: this.inputs,
      output: this.outputs,
    });
  }

  /** The serialised model. A few megabytes at most: weights are external. */
  toModel(): Uint8Array {
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: IR_VERSION,
        producerName: 'f5-narrator',
        opsetImport: [
          { domain: '', version: OPSET },
          { domain: CONTRIB_DOMAIN, version: 1n },
        ],
        graph: this.toProto(),
      }),
    );
  }
}

/** ONNX's number for an element type, as the Cast operator takes it. */
export function dataTypeNumber(elementType: ElementType): number {
  return DATA_TYPE[elementType];
}

function valueInfo(name: string, elementType: ElementType, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map((size) => ({
    value:
      typeof size === 'number'
        ? ({ case: 'dimValue', value: BigInt(size) } as const)
        : ({ case: 'dimParam', value: size } as const),
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: DATA_TYPE[elementType], shape: { dim } } } },
  });
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  }
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  if ('body' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value.body.toProto() });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}
