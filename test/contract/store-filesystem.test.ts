import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openFilesystemStore } from '../../src/adapters/store-filesystem.ts';
import { testStoreContract } from './store-contract.ts';

testStoreContract('a folder', async () => {
  const root = await mkdtemp(join(tmpdir(), 'narrator-store-'));
  const store = await openFilesystemStore({ root });
  return {
    store,
    close: async () => {
      const left = (await readdir(join(root, '.tmp'))).filter((name) => name !== 'locks');
      assert.deepEqual(left, [], 'temporary files are left');
      await rm(root, { recursive: true });
    },
  };
});

describe('a folder as a store', () => {
  let root: string;
  const encode = (text: string) => new TextEncoder().encode(text);

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'narrator-store-'));
  });
  after(() => rm(root, { recursive: true }));

  it('refuses keys that leave it through a symbolic link, and creates nothing behind it', async () => {
    const outside = join(root, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    const store = await openFilesystemStore({ root: join(root, 'inside') });
    await symlink(outside, join(root, 'inside', 'way-out'));
    await symlink(join(outside, 'secret'), join(root, 'inside', 'link'));
    for (const key of ['way-out/secret', 'way-out/new/deep']) {
      await assert.rejects(store.get(key), { code: 'key_invalid' });
      await assert.rejects(store.put(key, encode('x')), { code: 'key_invalid' });
      await assert.rejects(store.delete(key), { code: 'key_invalid' });
    }
    await assert.rejects(store.get('link'), { code: 'key_invalid' });
    await store.put('link', encode('replaced'));
    assert.deepEqual(await readdir(outside), ['secret']);
    assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'secret');
    const keys = [];
    for await (const { key } of store.list('')) keys.push(key);
    assert.deepEqual(keys, ['link']);
  });

  it('may itself be reached through a symbolic link, and may hold links to folders of its own', async () => {
    await mkdir(join(root, 'real', 'below'), { recursive: true });
    await symlink(join(root, 'real'), join(root, 'alias'));
    await symlink('below', join(root, 'real', 'shortcut'));
    const store = await openFilesystemStore({ root: join(root, 'alias') });
    await store.put('shortcut/x', encode('x'));
    assert.equal(await readFile(join(root, 'real', 'below', 'x'), 'utf8'), 'x');
  });

  it('sweeps the temporary files of dead processes when it is opened, and no others', async () => {
    const temporary = join(root, 'sweep', '.tmp');
    await mkdir(temporary, { recursive: true });
    const dead = execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).trim();
    const name = (identity: string) => `${identity}.00000000-0000-0000-0000-000000000000.tmp`;
    const stat0 = await readFile(`/proc/${process.pid}/stat`, 'utf8').catch(() => undefined);
    const started = stat0?.slice(stat0.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
    const ours = name(`${process.pid}-${started}`);
    // The same process id with another start time: the id was used again.
    const reused = name(`${process.pid}-1`);
    for (const file of [name(`${dead}-1`), reused, ours, 'unrelated']) await writeFile(join(temporary, file), '');
    await openFilesystemStore({ root: join(root, 'sweep') });
    assert.deepEqual((await readdir(temporary)).sort(), [ours, 'unrelated'].sort());
  });

  it('keeps its temporary folder to itself, wherever that is', async () => {
    const temporary = join(root, 'own', '.narrator', 'tmp');
    const store = await openFilesystemStore({ root: join(root, 'own'), temporary });
    await store.put('a', encode('a'));
    await writeFile(join(temporary, 'x'), '');
    const keys = [];
    for await (const { key } of store.list('')) keys.push(key);
    assert.deepEqual(keys, ['a']);
    await assert.rejects(store.get('.narrator/tmp/x'), { code: 'key_invalid' });
    await store.put('.narrator/job', encode('x'));
  });

  it('removes folders that a deletion leaves empty, and survives writers that need them again', async () => {
    const store = await openFilesystemStore({ root: join(root, 'empty') });
    const churn = async (name: string) => {
      for (let round = 0; round < 20; round++) {
        await store.put(`deep/er/${name}`, encode('x'), { ifAbsent: true });
        await store.delete(`deep/er/${name}`);
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(churn));
    await assert.rejects(stat(join(root, 'empty', 'deep')), { code: 'ENOENT' });
  });

  it('refuses an object where objects lie below its name, and one below an object', async () => {
    const store = await openFilesystemStore({ root: join(root, 'both') });
    await store.put('a/b', encode('x'));
    await assert.rejects(store.put('a', encode('x')), { code: 'key_invalid' });
    await assert.rejects(store.put('a', encode('x'), { ifAbsent: true }), { code: 'key_invalid' });
    await assert.rejects(store.put('a/b/c', encode('x')), { code: 'key_invalid' });
    assert.equal(await store.head('a'), undefined);
  });

  it('says that it is full, retryably, when the disk is', { skip: process.platform !== 'linux' }, async () => {
    // /dev/full answers every write with ENOSPC
    const { storeError } = await import('../../src/adapters/file-errors.ts');
    const failure = await writeFile('/dev/full', 'x').catch((error: unknown) => error);
    const error = storeError(failure, 'The object a', 'written');
    assert.equal(error.code, 'store_full');
    assert.equal(error.retryable, true);
  });
});
