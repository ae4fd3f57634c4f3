/**
 * Reads the tensors of a PyTorch checkpoint (`torch.save`, since PyTorch 1.6 a ZIP file of stored entries around a pickle)
 * without PyTorch, without Python and without running anything that the file says.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { NarratorError } from '../../core/errors.ts';
import type { PickledTensor } from './pickle-machine.ts';
import { readPickledTensors } from './pickled-tensors.ts';
import { DTYPE_BYTES, elementCount, readFileRange, type TensorSource } from './tensor-source.ts';
import { readZipDirectory, type ZipEntry } from './zip-directory.ts';

/** The pickle only describes the tensors: 100 bytes or so each. */
const MAX_PICKLE_BYTES = 32 * 1024 * 1024;

export interface TorchCheckpoint extends AsyncDisposable {
  /** by name; keys of nested dictionaries are joined with dots. Valid until the checkpoint is closed. */
  readonly tensors: ReadonlyMap<string, TensorSource>;
  close(): Promise<void>;
}

/**
 * Opens a checkpoint and checks that every tensor lies whole in the file. Data are read only when a tensor's `chunks` are.
 * Tensors that are views with gaps or in another order than row-major are refused.
 * @throws NarratorError model_invalid: no such checkpoint, cut off, or one that wants more than tensors
 */
export async function openTorchCheckpoint(path: string): Promise<TorchCheckpoint> {
  const file = await openFile(path);
  try {
    const tensors = await readTensors(file, path);
    const close = (): Promise<void> => file.close();
    return { tensors, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new NarratorError('model_invalid', `${path} cannot be opened for reading`, {}, { cause });
  }
}

async function readTensors(file: FileHandle, path: string): Promise<Map<string, TensorSource>> {
  await refuseOtherFormats(file, path);
  const entries = await readZipDirectory(file, path);
  const pickleName = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  const pickleEntry = pickleName === undefined ? undefined : entries.get(pickleName);
  if (pickleName === undefined || pickleEntry === undefined) {
    throw new NarratorError('model_invalid', `${path}: a ZIP file, but no PyTorch checkpoint: it lacks data.pkl`);
  }
  const root = pickleName.slice(0, -'data.pkl'.length);
  await refuseBigEndian(file, path, entries.get(`${root}byteorder`));

  const described = readPickledTensors(await readEntry(file, path, pickleEntry, MAX_PICKLE_BYTES), path);
  const tensors = new Map<string, TensorSource>();
  let bytes = 0;
  for (const [name, tensor] of described) {
    const { offset, length } = locate(name, tensor, entries.get(`${root}data/${tensor.storageKey}`), path);
    bytes += length;
    const { dtype, shape } = tensor;
    tensors.set(name, { name, dtype, shape, chunks: () => readFileRange(file, path, offset, length) });
  }
  const { size } = await file.stat();
  // weights may be shared by two names; a thousand names for one storage are an attempt to fill the disk
  if (bytes > 2 * size) {
    throw new NarratorError('model_invalid', `${path}: tensors of ${bytes} bytes in a file of ${size} bytes`);
  }
  return tensors;
}

/** Says in plain words what else is often called .pt or .bin. */
async function refuseOtherFormats(file: FileHandle, path: string): Promise<void> {
  const head = Buffer.alloc(4);
  const { bytesRead } = await file.read(head, 0, 4, 0);
  if (bytesRead === 4 && head.readUInt32LE(0) === 0x04034b50) return;
  if (bytesRead >= 2 && head[0] === 0x80) {
    throw new NarratorError(
      'model_invalid',
      `${path}: a checkpoint in the format of PyTorch before 1.6 (a bare pickle)`,
      { hint: 'Save it again with a current PyTorch, or convert it to safetensors.' },
    );
  }
  throw new NarratorError('model_invalid', `${path}: no PyTorch checkpoint (a ZIP file was expected)`);
}

async function refuseBigEndian(file: FileHandle, path: string, entry: ZipEntry | undefined): Promise<void> {
  if (entry === undefined) return;
  const order = (await readEntry(file, path, entry, 64)).toString('utf8').trim();
  if (order !== 'little') {
    throw new NarratorError('model_invalid', `${path}: byte order ${JSON.stringify(order)}; only 'little' is read`);
  }
}

async function readEntry(file: FileHandle, path: string, entry: ZipEntry, maxBytes: number): Promise<Buffer> {
  if (entry.bytes > maxBytes) {
    throw new NarratorError('model_invalid', `${path}: an entry of ${entry.bytes} bytes; at most ${maxBytes} are read`);
  }
  const content = Buffer.alloc(entry.bytes);
  let filled = 0;
  for await (const chunk of readFileRange(file, path, entry.offset, entry.bytes)) {
    content.set(chunk, filled);
    filled += chunk.length;
  }
  return content;
}

/** Where the tensor's bytes lie in the file. */
function locate(
  name: string,
  tensor: PickledTensor,
  entry: ZipEntry | undefined,
  path: string,
): { offset: number; length: number } {
  const refuse = (what: string): NarratorError =>
    new NarratorError('model_invalid', `${path}: tensor ${JSON.stringify(name)}: ${what}`);

  const itemBytes = DTYPE_BYTES[tensor.dtype];
  const elements = elementCount(tensor.shape);
  if (entry === undefined) throw refuse(`its storage ${JSON.stringify(tensor.storageKey)} is not in the file`);
  if (entry.bytes !== tensor.storageElements * itemBytes) {
    throw refuse(`its storage has ${entry.bytes} bytes instead of ${tensor.storageElements} x ${itemBytes}`);
  }
  if (tensor.shape.length !== tensor.strides.length || !isRowMajor(tensor)) {
    throw refuse(`shape [${tensor.shape.join(', ')}] with strides [${tensor.strides.join(', ')}] is not contiguous`);
  }
  if (!Number.isSafeInteger(elements) || tensor.offset + elements > tensor.storageElements) {
    throw refuse(
      `shape [${tensor.shape.join(', ')}] at ${tensor.offset} runs beyond its storage of ${tensor.storageElements} elements`,
    );
  }
  return { offset: entry.offset + tensor.offset * itemBytes, length: elements * itemBytes };
}

/** A dimension of size 1 is never stepped along: its stride may be anything. */
function isRowMajor({ shape, strides }: PickledTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}
