/** Writes checkpoints as torch.save does, byte by byte, and hostile ones that it never would. */

export interface FixtureTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly strides?: readonly number[];
  /** claims that differ from the truth */
  readonly claimedElements?: number;
  readonly offset?: number;
}

const text = (value: string): Buffer => Buffer.from(value, 'utf8');
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const byte = (...values: number[]): Buffer => Buffer.from(values);

export const op = {
  protocol: byte(0x80, 2),
  stop: text('.'),
  mark: text('('),
  reduce: text('R'),
  emptyTuple: text(')'),
  emptyDict: text('}'),
  setItems: text('u'),
  persistentId: text('Q'),
  global: (module: string, name: string): Buffer => text(`c${module}\n${name}\n`),
  string: (value: string): Buffer => Buffer.concat([text('X'), u32(text(value).length), text(value)]),
  int: (value: number): Buffer => Buffer.concat([text('J'), u32(value)]),
  tuple: (...items: Buffer[]): Buffer => Buffer.concat([text('('), ...items, text('t')]),
  put: (key: number): Buffer => byte(0x71, key),
  get: (key: number): Buffer => byte(0x68, key),
};

/** The opcodes that leave one tensor on the stack. */
export function pickledTensor(tensor: FixtureTensor, storageKey: string): Buffer {
  const strides =
    tensor.strides ?? tensor.shape.map((_, axis) => tensor.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const storage = op.tuple(
    op.string('storage'),
    op.global('torch', 'FloatStorage'),
    op.string(storageKey),
    op.string('cpu'),
    op.int(tensor.claimedElements ?? tensor.values.length),
  );
  const call = op.tuple(
    Buffer.concat([storage, op.persistentId]),
    op.int(tensor.offset ?? 0),
    op.tuple(...tensor.shape.map(op.int)),
    op.tuple(...strides.map(op.int)),
    byte(0x89), // requires_grad = False
    Buffer.concat([op.global('collections', 'OrderedDict'), op.emptyTuple, op.reduce]),
  );
  return Buffer.concat([op.global('torch._utils', '_rebuild_tensor_v2'), call, op.reduce]);
}

export function pickledDict(items: readonly (readonly [string, Buffer])[]): Buffer {
  return Buffer.concat([
    op.emptyDict,
    op.mark,
    ...items.flatMap(([key, value]) => [op.string(key), value]),
    op.setItems,
  ]);
}

export function pickleOf(value: Buffer): Buffer {
  return Buffer.concat([op.protocol, value, op.stop]);
}

/** A checkpoint file: one storage a tensor. */
export function torchCheckpoint(tensors: readonly FixtureTensor[]): Buffer {
  const pickle = pickleOf(pickledDict(tensors.map((tensor, i) => [tensor.name, pickledTensor(tensor, String(i))])));
  return torchArchive(
    pickle,
    tensors.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  );
}

export function torchArchive(pickle: Buffer, storages: readonly Buffer[], options: ZipOptions = {}): Buffer {
  return zip(
    [
      { name: 'archive/data.pkl', data: pickle },
      ...storages.map((data, i) => ({ name: `archive/data/${i}`, data })),
      { name: 'archive/version', data: text('3\n') },
    ],
    options,
  );
}

export interface ZipOptions {
  /** compression method that the directory states */
  readonly method?: number;
  /** all sizes and offsets in zip64 fields */
  readonly zip64?: boolean;
  /** let every entry's directory record point to the first entry's bytes */
  readonly overlap?: boolean;
}

export function zip(entries: readonly { name: string; data: Buffer }[], options: ZipOptions = {}): Buffer {
  const { method = 0, zip64 = false, overlap = false } = options;
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data } of entries) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt16LE(text(name).length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    central.writeUInt16LE(text(name).length, 28);
    let extra = Buffer.alloc(0);
    if (zip64) {
      extra = Buffer.alloc(28);
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      [data.length, data.length, offset].forEach((value, i) => extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i));
      [20, 24, 42].forEach((at) => central.writeUInt32LE(0xffffffff, at));
      central.writeUInt16LE(extra.length, 30);
    } else {
      central.writeUInt32LE(data.length, 20);
      central.writeUInt32LE(data.length, 24);
      central.writeUInt32LE(overlap ? 0 : offset, 42);
    }
    parts.push(local, text(name), data);
    directory.push(central, text(name), extra);
    offset += local.length + text(name).length + data.length;
  }
  const directoryBytes = Buffer.concat(directory);
  return Buffer.concat([...parts, directoryBytes, endOf(entries.length, directoryBytes.length, offset, zip64)]);
}

function endOf(count: number, bytes: number, offset: number, zip64: boolean): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(zip64 ? 0xffff : count, 10);
  end.writeUInt32LE(zip64 ? 0xffffffff : bytes, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16);
  if (!zip64) return end;
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50, 0);
  [count, bytes, offset].forEach((value, i) => end64.writeBigUInt64LE(BigInt(value), 32 + 8 * i));
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(offset + bytes), 8);
  return Buffer.concat([end64, locator, end]);
}
