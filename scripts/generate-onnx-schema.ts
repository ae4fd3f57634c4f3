/**
 * Regenerates src/engine/graph/onnx_pb.ts from onnx.proto beside it. Needed only when the schema is replaced (the
 * generated file is committed). Needs `protoc` (Debian: apt-get install protobuf-compiler); the schema itself is the one
 * of the ONNX project as Debian's libonnx-dev ships it.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'src/engine/graph');
const result = spawnSync(
  'protoc',
  [
    `--plugin=protoc-gen-es=${join(root, 'node_modules/.bin/protoc-gen-es')}`,
    `--proto_path=${folder}`,
    `--es_out=${folder}`,
    '--es_opt=target=ts,import_extension=ts,erasable_syntax=true',
    'onnx.proto',
  ],
  { stdio: 'inherit' },
);
if (result.error)
  throw new Error('protoc did not start: install it (Debian: protobuf-compiler)', { cause: result.error });
process.exit(result.status ?? 1);
