import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTorchCheckpoint } from '../../../../src/engine/models/pytorch-checkpoint.ts';
import type { TensorSource } from '../../../../src/engine/models/tensor-source.ts';
import { temporaryFolder } from '../../../unit/engine/models/temporary-folder.ts';
import {
  op,
  pickledDict,
  pickledTensor,
  pickleOf,
  torchArchive,
  torchCheckpoint,
  zip,
  type FixtureTensor,
} from '../../../unit/engine/models/torch-checkpoint-fixture.ts';

const folder = temporaryFolder();
const matrix: FixtureTensor = { name: 'w', shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) };
const storage = Buffer.from(matrix.values.buffer);

async function write(bytes: Buffer): Promise<string> {
  const path = join(folder, 'checkpoint.bin');
  await writeFile(path, bytes);
  return path;
}

async function floats(source: TensorSource | undefined): Promise<number[]> {
  assert.ok(source);
  const parts: Buffer[] = [];
  for await (const chunk of source.chunks()) parts.push(Buffer.from(chunk));
  const bytes = Buffer.concat(parts);
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

async function assertRefused(bytes: Buffer, message: RegExp): Promise<void> {
  await assert.rejects(openTorchCheckpoint(await write(bytes)), { code: 'model_invalid', message });
}

test('gives every tensor by name with its shape and numbers', async () => {
  const bias: FixtureTensor = { name: 'b', shape: [2], values: Float32Array.of(-1, 0.5) };
  await using checkpoint = await openTorchCheckpoint(await write(torchCheckpoint([matrix, bias])));
  assert.deepEqual([...checkpoint.tensors.keys()], ['w', 'b']);
  assert.deepEqual(checkpoint.tensors.get('w')?.shape, [2, 3]);
  assert.deepEqual(await floats(checkpoint.tensors.get('w')), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(await floats(checkpoint.tensors.get('b')), [-1, 0.5]);
});

test('reads what Python’s own pickler wrote: parameters, offsets, nested dictionaries, values that are no tensors', async () => {
  // written by CPython 3.11 (pickle protocol 2, persistent ids) with classes named like torch's
  await using checkpoint = await openTorchCheckpoint(join(import.meta.dirname, 'python-pickled.pt'));
  const prefix = 'model_state_dict.';
  assert.deepEqual(await floats(checkpoint.tensors.get(`${prefix}backbone.embed.weight`)), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(await floats(checkpoint.tensors.get(`${prefix}backbone.norm.bias`)), [10, 11, 12]);
  assert.equal(checkpoint.tensors.get(`${prefix}step`)?.dtype, 'I64');
  assert.equal(checkpoint.tensors.size, 3);
});

test('reads zip64 archives', async () => {
  const pickle = pickleOf(pickledDict([['w', pickledTensor(matrix, '0')]]));
  await using checkpoint = await openTorchCheckpoint(await write(torchArchive(pickle, [storage], { zip64: true })));
  assert.deepEqual(await floats(checkpoint.tensors.get('w')), [1, 2, 3, 4, 5, 6]);
});

test('runs no code: a global outside the list is refused by name', async () => {
  const hostile = pickleOf(
    Buffer.concat([op.global('os', 'system'), op.tuple(op.string('touch /tmp/owned')), op.reduce]),
  );
  await assertRefused(torchArchive(hostile, []), /"os\.system".*no code is run/);
});

test('an allowed name is not called with anything it was not made for', async () => {
  const call = (callable: Buffer, ...items: Buffer[]): Buffer =>
    torchArchive(pickleOf(Buffer.concat([callable, op.tuple(...items), op.reduce])), []);
  await assertRefused(call(op.global('torch', 'FloatStorage'), op.int(1_000_000_000)), /it calls torch\.FloatStorage/);
  await assertRefused(call(op.global('torch._utils', '_rebuild_tensor_v2'), op.int(1)), /a form that torch\.save/);
  await assertRefused(call(op.global('torch._utils', '_rebuild_parameter'), op.int(1)), /no tensor/);
  await assertRefused(call(op.string('eval'), op.string('1')), /no name/);
});

test('unknown opcodes, empty stacks and unknown memos are refused', async () => {
  const refused = (body: Buffer, message: RegExp): Promise<void> =>
    assertRefused(torchArchive(pickleOf(body), []), message);
  await refused(Buffer.from('i'), /opcode 0x69/); // INST: calls a class
  await refused(Buffer.from('R'), /empty stack/);
  await refused(op.get(7), /memo 7/);
  await refused(Buffer.from('t'), /lacks a mark/);
  await assertRefused(torchArchive(Buffer.from([0x80, 2, 0x58, 0xff, 0xff, 0xff, 0x7f]), []), /pickle is cut off/);
});

test('dictionaries that contain themselves, multiply or never end are refused', async () => {
  const itself = Buffer.concat([op.emptyDict, op.put(0), op.mark, op.string('a'), op.get(0), op.setItems]);
  await assertRefused(torchArchive(pickleOf(itself), []), /nested more than/);
  await assertRefused(torchArchive(Buffer.alloc(600_000, op.emptyDict), []), /more than 500000 opcodes/);

  // three levels, each mentioning the one below 200 times: 8 million tensors in 10 kB
  const level = (inner: Buffer, key: number): Buffer => {
    const first = Buffer.concat([op.string('0'), inner, op.put(key)]);
    const others = Array.from({ length: 199 }, (_, i) => Buffer.concat([op.string(String(i + 1)), op.get(key)]));
    return Buffer.concat([op.emptyDict, op.mark, first, ...others, op.setItems]);
  };
  const bomb = level(level(level(pickledTensor(matrix, '0'), 1), 2), 3);
  await assertRefused(torchArchive(pickleOf(bomb), [storage]), /more than 65536 values/);
});

test('tensors that are views with gaps, out of bounds or larger than the file are refused by name', async () => {
  const refused = (tensor: Partial<FixtureTensor>, message: RegExp): Promise<void> =>
    assertRefused(torchCheckpoint([{ ...matrix, ...tensor }]), message);
  await refused({ shape: [3, 2], strides: [1, 3] }, /"w".*strides \[1, 3\] is not contiguous/);
  await refused({ shape: [1000, 3], strides: [0, 1] }, /"w".*not contiguous/);
  await refused({ shape: [2, 4] }, /"w".*beyond its storage of 6 elements/);
  await refused({ offset: 1 }, /"w".*beyond its storage/);
  await refused({ claimedElements: 7 }, /"w".*24 bytes instead of 7 x 4/);

  const many = Array.from({ length: 500 }, (_, i): [string, Buffer] => [String(i), pickledTensor(bigTensor, '0')]);
  const shared = torchArchive(pickleOf(pickledDict(many)), [Buffer.from(bigTensor.values.buffer)]);
  await assertRefused(shared, /tensors of \d+ bytes in a file of \d+ bytes/);
});
const bigTensor: FixtureTensor = { name: 'big', shape: [100_000], values: new Float32Array(100_000) };

test('a storage that is not in the archive is named', async () => {
  const pickle = pickleOf(pickledDict([['w', pickledTensor(matrix, '9')]]));
  await assertRefused(torchArchive(pickle, [storage]), /"w": its storage "9" is not in the file/);
});

test('compressed, overlapping and truncated archives are refused', async () => {
  const pickle = pickleOf(pickledDict([['w', pickledTensor(matrix, '0')]]));
  const whole = torchArchive(pickle, [storage]);
  await assertRefused(torchArchive(pickle, [storage], { method: 8 }), /is compressed/);
  await assertRefused(torchArchive(pickle, [storage], { overlap: true }), /overlap/);
  await assertRefused(whole.subarray(0, whole.length - 30), /no end of central directory/);
  await assertRefused(whole.subarray(whole.length / 2), /a ZIP file was expected/);
  await assertRefused(whole.subarray(0, 3), /a ZIP file was expected/);
  // the middle is missing: the directory is whole, but points elsewhere
  await assertRefused(Buffer.concat([whole.subarray(0, 60), whole.subarray(100)]), /checkpoint\.bin: /);
});

test('other files that are called .bin or .pt are named for what they are', async () => {
  await assertRefused(Buffer.from([0x80, 0x02, 0x8a, 0x0a, 0x6c]), /PyTorch before 1\.6/);
  await assertRefused(Buffer.from('version https://git-lfs.github.com/spec/v1'), /no PyTorch checkpoint/);
  await assertRefused(zip([{ name: 'word/document.xml', data: Buffer.from('x') }]), /lacks data\.pkl/);
  await assert.rejects(openTorchCheckpoint(join(folder, 'none.bin')), { code: 'model_invalid' });
});

test('big-endian checkpoints are refused', async () => {
  const entries = [
    { name: 'a/data.pkl', data: pickleOf(op.emptyDict) },
    { name: 'a/byteorder', data: Buffer.from('big') },
  ];
  await assertRefused(zip(entries), /byte order "big"/);
});
