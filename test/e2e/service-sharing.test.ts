/** Several API processes and workers on one store: they share the work and do none of it twice. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Stack } from '../support/stack.ts';
import { seededRandom } from './manifests.ts';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly summary?: { readonly segments: number; readonly reusedSegments: number; readonly succeeded: number };
}

const ONES = 'zero one two three four five six seven eight nine'.split(' ');
const WORDS = 'river mill garden bridge lantern winter letter harbour orchard engine'.split(' ');

/** Sentences of which no two are alike, long enough to be a segment each. */
function sentences(count: number): string[] {
  const random = seededRandom(7);
  const word = () => WORDS[Math.floor(random() * WORDS.length)];
  return Array.from({ length: count }, (_, index) => {
    const number = [...String(index)].map((digit) => ONES[Number(digit)]).join(' ');
    return `Number ${number}: the ${word()} by the ${word()} was never as quiet as the ${word()} before the ${word()}.`;
  });
}

test('two APIs and three workers share a job, and what is edited is all that is made again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'narrator-calls-'));
  t.after(() => rm(folder, { recursive: true }));
  const callsFile = join(folder, 'calls.txt');
  const stack = await Stack.start({ apis: 2, workers: 3, worker: { standIn: { delayMs: 60, callsFile } } });
  t.after(() => stack.end());
  const calls = async () => (await readFile(callsFile, 'utf8')).split('\n').filter((line) => line !== '');
  await writeFile(callsFile, '');

  await t.test('each segment is asked for once', async () => {
    const items = sentences(160).map((text, index) => ({ id: `line-${index + 1}`, text }));
    const { summary } = await finished(stack, await submit(stack, 0, { items, shardSeconds: 10 }));
    assert.equal(summary?.succeeded, items.length);
    const keys = await calls();
    assert.equal(keys.length, summary.segments);
    assert.equal(new Set(keys).size, keys.length, 'a segment was synthesised twice');
  });

  await t.test('of a text of 3,000 words in which a sentence was edited, only that one is synthesised', async () => {
    // About 17 words each, six to a paragraph.
    const told = sentences(180).map((text) => text.replace('Number', 'Chapter'));
    const text = (all: readonly string[]) => all.map((one, at) => (at % 6 === 5 ? `${one}\n\n` : `${one} `)).join('');
    assert.ok(text(told).split(/\s+/).length > 3_000);
    const first = await finished(stack, await submit(stack, 1, { text: text(told) }));
    await writeFile(callsFile, '');
    const edited = told.map((one, at) => (at === 90 ? one.replace('never', 'always') : one));
    const { summary } = await finished(stack, await submit(stack, 0, { text: text(edited) }));
    assert.ok(summary !== undefined && first.summary !== undefined);
    const made = await calls();
    assert.ok(made.length >= 1 && made.length <= 2, `${made.length} segments were made again`);
    assert.equal(summary.reusedSegments, summary.segments - made.length);
    assert.equal(summary.segments, first.summary.segments);
  });
});

async function submit(stack: Stack, api: number, body: unknown): Promise<string> {
  const response = await fetch(`${stack.urls[api]}/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 202, await response.clone().text());
  return ((await response.json()) as Job).id;
}

/** Asks the APIs in turns. */
async function finished(stack: Stack, jobId: string): Promise<Job> {
  for (let turn = 0; ; turn++) {
    const url = stack.urls[turn % stack.urls.length];
    const response = await fetch(`${url}/v1/jobs/${jobId}`, { headers: { authorization: `Bearer ${stack.adminKey}` } });
    const job = (await response.json()) as Job;
    if (job.summary !== undefined) return job;
    await delay(200);
  }
}
