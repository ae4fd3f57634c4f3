import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Safetensors } from '../../../../src/engine/graph/safetensors.ts';
import { safetensorsBytes, temporaryFolder, withHeader, writeTemporary } from './safetensors-file.ts';

const folder = temporaryFolder();
const open = (bytes: Uint8Array): Promise<Safetensors> =>
  Safetensors.open(writeTemporary(folder, 'x.safetensors', bytes));
const refuses = (bytes: Uint8Array, message: RegExp): Promise<void> =>
  assert.rejects(open(bytes), { code: 'model_invalid', message });

test('a tensor is found where its bytes lie in the file', async () => {
  const bytes = safetensorsBytes({
    first: { dtype: 'F32', shape: [1], data: new Uint8Array(4) },
    second: { dtype: 'BF16', shape: [2, 3], data: Uint8Array.from({ length: 12 }, (_, i) => i + 1) },
  });
  const tensor = (await open(bytes)).find('second')!;
  assert.deepEqual([...bytes.subarray(tensor.offset, tensor.offset + tensor.length)].slice(0, 3), [1, 2, 3]);
  assert.deepEqual(tensor.shape, [2, 3]);
  assert.equal(tensor.elementType, 'bfloat16');
  assert.equal(tensor.location, 'x.safetensors');
});

test('tensors of other element types do not disturb, and cannot be found', async () => {
  const file = await open(safetensorsBytes({ odd: { dtype: 'F8_E4M3', shape: [3], data: new Uint8Array(3) } }));
  assert.equal(file.find('odd'), undefined);
});

test('a file that is no safetensors file is refused with what is wrong with it', async () => {
  const claim = Buffer.alloc(16);
  claim.writeBigUInt64LE(2n ** 63n);
  await refuses(new Uint8Array(3), /only 3 bytes/);
  await refuses(claim, /claims 9223372036854775808 bytes/);
  await refuses(withHeader('{"a":'), /not JSON/);
  await refuses(withHeader('[]'), /not a JSON object/);
  await refuses(withHeader('{"a":{"dtype":"F32"}}'), /"a" is malformed/);
});

test('offsets that do not fit the shape or the file are refused', async () => {
  const entry = (shape: number[], offsets: number[]): Uint8Array =>
    withHeader(JSON.stringify({ a: { dtype: 'F32', shape, data_offsets: offsets } }), [new Uint8Array(8)]);
  await refuses(entry([2], [0, 4]), /has 4 bytes where its shape needs 8/);
  await refuses(entry([2], [8, 0]), /has -8 bytes/);
  await refuses(entry([2], [4, 12]), /ends past the end of the file/);
  await refuses(entry([2], [-4, 4]), /malformed/);
});

test('a file that is not there is named', async () => {
  await assert.rejects(Safetensors.open('/nowhere/model.safetensors'), { code: 'model_not_found', message: /ENOENT/ });
});
