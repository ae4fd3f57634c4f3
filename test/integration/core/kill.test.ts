/** What kill -9 at any moment may not do: lose, double or change an item, leave temporary files, or keep a lock. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openFilesystemStore } from '../../../src/adapters/store-filesystem.ts';
import { jsonLines } from '../../unit/core/fakes.ts';

/** Runs a child, and kills it once it has written so many characters. @returns how many it wrote, and whether it ended by itself */
async function run(file: string, args: string[], killAfter = Infinity): Promise<{ written: number; ended: boolean }> {
  const path = join(import.meta.dirname, file);
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let written = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    written += chunk.length;
    if (written >= killAfter) child.kill('SIGKILL');
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...end) => resolve(end));
  });
  if (signal === null) assert.equal(code, 0, `${file} failed`);
  return { written, ended: signal === null };
}

describe('a process that is killed', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'narrator-kill-'));
  });
  after(() => rm(root, { recursive: true }));

  it('loses, doubles and changes nothing of a job, wherever it is killed', { timeout: 120_000 }, async () => {
    const manifest = join(root, 'manifest.jsonl');
    await writeFile(manifest, items());
    const [whole, killed] = [join(root, 'whole'), join(root, 'killed')];
    await Promise.all([whole, killed].map((folder) => mkdir(folder)));
    const undisturbed = await run('job.child.ts', [whole, manifest]);

    const kills: number[] = [];
    while (kills.length < 8) {
      const killAfter = 1 + Math.floor(Math.random() * undisturbed.written * 0.3);
      if ((await run('job.child.ts', [killed, manifest], killAfter)).ended) break;
      kills.push(killAfter);
    }
    assert.ok(kills.length >= 3, `too few kills to prove anything: ${kills.join(', ')}`);
    const killedAt = `killed after ${kills.join(', ')} writes`;
    await run('job.child.ts', [killed, manifest]);

    const names = await filesOf(whole);
    assert.deepEqual(await filesOf(killed), names, killedAt);
    assert.equal(names.filter((name) => name.endsWith('.wav')).length, 60, killedAt);
    for (const name of names.filter((file) => !['results.jsonl', 'summary.json'].includes(file))) {
      assert.deepEqual(await readFile(join(killed, name)), await readFile(join(whole, name)), `${name}, ${killedAt}`);
    }
    // What was reused differs by nature; what came of it does not.
    const outcome = async (folder: string) => {
      const lines = (await readFile(join(folder, 'results.jsonl'), 'utf8')).trim().split('\n');
      return lines.map((line) => ({ ...(JSON.parse(line) as object), reusedSegments: 0 }));
    };
    assert.deepEqual(await outcome(killed), await outcome(whole), killedAt);
    assert.deepEqual(await readdir(join(killed, '.narrator', 'tmp')), [], killedAt);
    await assert.rejects(readdir(join(killed, '.narrator', 'open')), { code: 'ENOENT' });
    const segments = await filesOf(join(killed, '.narrator', 'segments'));
    assert.deepEqual(segments, await filesOf(join(whole, '.narrator', 'segments')), killedAt);
  });

  it('keeps no lock and tears no compare-and-swap: what it was told is written is counted, once', {
    timeout: 60_000,
  }, async () => {
    const folder = join(root, 'counter');
    const store = await openFilesystemStore({ root: folder });
    await store.put('counter', new TextEncoder().encode('0'));
    const runs = await Promise.all([
      run('counter.child.ts', [folder, '40']),
      run('counter.child.ts', [folder, '1000'], 1 + Math.floor(Math.random() * 30)),
      run('counter.child.ts', [folder, '1000'], 1 + Math.floor(Math.random() * 30)),
    ]);
    const told = runs.reduce((sum, { written }) => sum + written, 0);
    const killed = runs.filter(({ ended }) => !ended).length;
    assert.equal(killed, 2);
    const counter = Number(new TextDecoder().decode((await store.get('counter'))?.bytes));
    // A killed process may have written once more than it could say.
    assert.ok(counter >= told && counter <= told + killed, `told ${told}, counted ${counter}, killed ${killed}`);
  });
});

/** 60 good items, some of them longer than a shard, and some bad lines. */
function items(): string {
  const good = Array.from({ length: 60 }, (_, n) => ({
    id: `item-${n}`,
    text: Array.from({ length: n % 20 === 7 ? 9 : 1 + (n % 3) }, (_, s) => `Item ${n} says sentence ${s} of it.`).join(
      ' ',
    ),
  }));
  return `${jsonLines(...good.slice(0, 30))}not an item\n${jsonLines({ id: '../x', text: 'x' }, ...good.slice(30), { id: 'item-3', text: 'Again.' })}`;
}

/** Everything below a folder but the ledger, which holds times. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((name) => !name.startsWith('.narrator'))
    .sort();
}
