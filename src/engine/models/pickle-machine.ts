/**
 * The pickle inside a PyTorch checkpoint, read as data. A pickle is a program for a stack machine that may call any Python
 * function; here only the opcodes that torch.save writes exist, and the only names known are those that rebuild a tensor.
 * Nothing is ever called: a name outside the list ends the reading with an error that says which.
 * Opcodes: CPython's Lib/pickletools.py; the tensor layout: torch/_utils.py (_rebuild_tensor_v2) and torch/serialization.py.
 */
import { NarratorError } from '../../core/errors.ts';
import type { TensorDtype } from './tensor-source.ts';

/** A tensor as the pickle describes it: a view of a storage. Counts are elements, not bytes. */
export interface PickledTensor {
  readonly storageKey: string;
  readonly storageElements: number;
  readonly dtype: TensorDtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

const STORAGE_DTYPES: Readonly<Record<string, TensorDtype>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};
const CALLABLES = ['collections.OrderedDict', 'torch._utils._rebuild_tensor_v2', 'torch._utils._rebuild_parameter'];

/** A training checkpoint of F5-TTS with its optimiser takes some 70,000; millions of empty dictionaries are a bomb. */
const MAX_OPCODES = 500_000;

class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
class Storage {
  readonly dtype: TensorDtype;
  readonly key: string;
  readonly elements: number;
  constructor(dtype: TensorDtype, key: string, elements: number) {
    this.dtype = dtype;
    this.key = key;
    this.elements = elements;
  }
}
export class Tensor implements PickledTensor {
  readonly storageKey: string;
  readonly storageElements: number;
  readonly dtype: TensorDtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storageKey = storage.key;
    this.storageElements = storage.elements;
    this.dtype = storage.dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}
class Tuple {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}
export type Value = null | boolean | number | string | Global | Storage | Tensor | Tuple | Value[] | Map<Value, Value>;
const MARK = Symbol('mark');

export function refuse(path: string, what: string): NarratorError {
  return new NarratorError('model_invalid', `${path}: ${what}`);
}

/** One run over one pickle. All of it throws NarratorError model_invalid. */
export class PickleMachine {
  readonly #bytes: Buffer;
  readonly #path: string;
  readonly #stack: (Value | typeof MARK)[] = [];
  readonly #memo = new Map<number, Value>();
  #at = 0;

  constructor(bytes: Buffer, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  run(): Value {
    for (let steps = 0; steps < MAX_OPCODES; steps++) {
      const opcode = this.#take(1)[0] as number;
      if (opcode === 0x2e /* STOP */) return this.#pop();
      this.#step(opcode);
    }
    throw this.#refuse(`its pickle has more than ${MAX_OPCODES} opcodes`);
  }

  #step(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case 0x80: {
        const protocol = this.#take(1).readUInt8();
        if (protocol > 5) throw this.#refuse(`pickle protocol ${protocol}; at most 5 is known`);
        return;
      }
      case 0x95: // FRAME
        this.#take(8);
        return;
      case 0x28: // MARK
        stack.push(MARK);
        return;
      case 0x4e: // NONE
        stack.push(null);
        return;
      case 0x88: // NEWTRUE
        stack.push(true);
        return;
      case 0x89: // NEWFALSE
        stack.push(false);
        return;
      case 0x4a: // BININT
        stack.push(this.#take(4).readInt32LE());
        return;
      case 0x4b: // BININT1
        stack.push(this.#take(1).readUInt8());
        return;
      case 0x4d: // BININT2
        stack.push(this.#take(2).readUInt16LE());
        return;
      case 0x8a: // LONG1
        stack.push(this.#long());
        return;
      case 0x47: // BINFLOAT
        stack.push(this.#take(8).readDoubleBE());
        return;
      case 0x58: // BINUNICODE
        stack.push(this.#take(this.#take(4).readUInt32LE()).toString('utf8'));
        return;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(this.#take(this.#take(1).readUInt8()).toString('utf8'));
        return;
      case 0x5d: // EMPTY_LIST
        stack.push([]);
        return;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        return;
      case 0x29: // EMPTY_TUPLE
        stack.push(new Tuple([]));
        return;
      case 0x74: // TUPLE
        stack.push(new Tuple(this.#popToMark()));
        return;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        const items = Array.from({ length: opcode - 0x84 }, () => this.#pop()).reverse();
        stack.push(new Tuple(items));
        return;
      }
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        return;
      case 0x65: // APPENDS
        this.#append(this.#popToMark());
        return;
      case 0x73: {
        const value = this.#pop();
        this.#setItems([this.#pop(), value]);
        return;
      }
      case 0x75: // SETITEMS
        this.#setItems(this.#popToMark());
        return;
      case 0x71: // BINPUT
        this.#memo.set(this.#take(1).readUInt8(), this.#top());
        return;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#take(4).readUInt32LE(), this.#top());
        return;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        return;
      case 0x68: // BINGET
        stack.push(this.#recall(this.#take(1).readUInt8()));
        return;
      case 0x6a: // LONG_BINGET
        stack.push(this.#recall(this.#take(4).readUInt32LE()));
        return;
      case 0x63: // GLOBAL
        stack.push(this.#global(this.#line(), this.#line()));
        return;
      case 0x93: {
        const name = this.#pop();
        stack.push(this.#global(this.#pop(), name));
        return;
      }
      case 0x51: // BINPERSID
        stack.push(this.#storage(this.#pop()));
        return;
      case 0x52: {
        const given = this.#pop();
        stack.push(this.#rebuild(this.#pop(), given));
        return;
      }
      case 0x62: // BUILD: a state dictionary carries its modules' versions as an attribute; it says nothing of the weights
        this.#pop();
        if (!(this.#top() instanceof Map)) throw this.#refuse('it sets attributes of something that is no dictionary');
        return;
      default:
        throw this.#refuse(`the pickle opcode 0x${opcode.toString(16)} at byte ${this.#at - 1} is not allowed`);
    }
  }

  #refuse(what: string): NarratorError {
    return refuse(this.#path, what);
  }

  #take(bytes: number): Buffer {
    const from = this.#at;
    if (from + bytes > this.#bytes.length) throw this.#refuse(`its pickle is cut off at byte ${this.#bytes.length}`);
    this.#at += bytes;
    return this.#bytes.subarray(from, this.#at);
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#refuse(`its pickle is cut off at byte ${this.#bytes.length}`);
    const line = this.#take(end - this.#at).toString('utf8');
    this.#at += 1;
    return line;
  }

  #long(): number {
    const bytes = this.#take(this.#take(1).readUInt8());
    if (bytes.length > 8) throw this.#refuse(`an integer of ${bytes.length} bytes`);
    let value = 0n;
    for (const byte of [...bytes].reverse()) value = (value << 8n) | BigInt(byte);
    const signed = Number(BigInt.asIntN(bytes.length * 8, value));
    if (!Number.isSafeInteger(signed)) throw this.#refuse(`the integer ${signed}`);
    return signed;
  }

  #top(): Value {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw this.#refuse('its pickle takes from an empty stack');
    return value;
  }

  #pop(): Value {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popToMark(): Value[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw this.#refuse('its pickle lacks a mark');
    const items = this.#stack.splice(mark).slice(1);
    return items as Value[]; // nothing after the last mark is a mark
  }

  #append(items: readonly Value[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#refuse('it appends to something that is no list');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly Value[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || items.length % 2 !== 0)
      throw this.#refuse('it sets items of something that is no dictionary');
    for (let i = 0; i < items.length; i += 2) map.set(items[i] as Value, items[i + 1] as Value);
  }

  #recall(key: number): Value {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.#refuse(`its pickle recalls memo ${key}, which was never stored`);
    return value;
  }

  #global(module: Value, name: Value): Global {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.#refuse('it asks for something without a name');
    const full = `${module}.${name}`;
    if (!CALLABLES.includes(full) && !Object.hasOwn(STORAGE_DTYPES, full)) {
      throw this.#refuse(`it asks for ${JSON.stringify(full.slice(0, 200))}: only tensors are read, no code is run`);
    }
    return new Global(full);
  }

  #storage(id: Value): Storage {
    const [kind, type, key, , elements] = id instanceof Tuple ? id.items : [];
    if (kind !== 'storage' || !(type instanceof Global) || typeof key !== 'string' || !isCount(elements)) {
      throw this.#refuse('it names a storage in a form that torch.save does not write');
    }
    const dtype = STORAGE_DTYPES[type.name];
    if (dtype === undefined) throw this.#refuse(`${type.name} is no storage`);
    return new Storage(dtype, key, elements);
  }

  #rebuild(callable: Value, given: Value): Value {
    const items = given instanceof Tuple ? given.items : undefined;
    if (!(callable instanceof Global) || items === undefined) throw this.#refuse('it calls something that has no name');
    switch (callable.name) {
      case 'collections.OrderedDict':
        // protocol 2 passes no items here (they follow by SETITEMS); the old form passes a list of pairs
        if (items.length > 0) throw this.#refuse('an OrderedDict in a form that torch.save does not write');
        return new Map();
      case 'torch._utils._rebuild_parameter':
        if (!(items[0] instanceof Tensor)) throw this.#refuse('a parameter that is no tensor');
        return items[0];
      case 'torch._utils._rebuild_tensor_v2': {
        const [storage, offset, shape, strides] = items;
        if (!(storage instanceof Storage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides)) {
          throw this.#refuse('a tensor in a form that torch.save does not write');
        }
        return new Tensor(storage, offset, shape.items, strides.items);
      }
      default:
        throw this.#refuse(`it calls ${callable.name}`);
    }
  }
}

function isCount(value: Value | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: Value | undefined): value is Tuple & { readonly items: readonly number[] } {
  return value instanceof Tuple && value.items.length <= 8 && value.items.every(isCount);
}
