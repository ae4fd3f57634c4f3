import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';

/** No account, no profile, no region: nothing here may ask AWS. */
const env = { PATH: process.env['PATH'], HOME: tmpdir(), AWS_EC2_METADATA_DISABLED: 'true' };

function deploy(...args: string[]) {
  const entry = join(import.meta.dirname, '..', 'bin', 'deploy.ts');
  return spawnSync(process.execPath, ['--import', 'tsx', entry, ...args], { encoding: 'utf8', env });
}

suite('The command line', () => {
  test('writes the templates without an account', () => {
    const folder = mkdtempSync(join(tmpdir(), 'synth-'));
    try {
      const { status, stderr } = deploy('synth', '--name', 'books', '--out', folder);
      assert.equal(status, 0, stderr);
      assert.deepEqual(readdirSync(folder).sort(), [
        'books-base.json',
        'books-endpoint.json',
        'books-realtime.json',
        'books-service.json',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  for (const [what, args, message] of [
    ['a tag in the place of a digest', ['update', '--image', 'latest'], /must be sha256:/],
    ['a stack that there is none of', ['stack', 'storage'], /one of base, endpoint, service, realtime/],
    ['a name that AWS would refuse', ['status', '--name', 'My_Books'], /small letters, digits and dashes/],
    ['a parameter without a value', ['stack', 'endpoint', '--set', 'MaxInstances'], /Parameter=value/],
  ] as const) {
    test(`refuses ${what}`, () => {
      const { status, stderr } = deploy(...args);
      assert.equal(status, 1);
      assert.match(stderr, message);
    });
  }
});
