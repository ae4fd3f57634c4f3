import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { readItems, type ReadItemsQuery } from '../../../src/core/read-items.ts';
import type { ItemStatus } from '../../../src/core/round-items.ts';
import { retryJob } from '../../../src/core/retry-job.ts';
import { jsonLines } from './fakes.ts';
import { house, lines } from './house.ts';

async function allItems(one: ReturnType<typeof house>, query: ReadItemsQuery): Promise<ItemStatus[]> {
  const entries: ItemStatus[] = [];
  let cursor: string | undefined;
  do {
    const page = await readItems('job', { ...query, ...(cursor !== undefined && { cursor }) }, one);
    assert.ok(page.entries.length <= query.limit);
    entries.push(...page.entries);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return entries;
}

const long = { id: 'long', text: Array.from({ length: 7 }, (_, n) => `Sentence ${n} of a long item.`).join(' ') };
const brief = (items: ItemStatus[]) => items.map(({ line, item, status }) => [line, item, status]);

describe('reading the items of a job', () => {
  it('gives each once, in the order of the manifest, at every size of page and in every state of the job', async () => {
    const one = house();
    await one.submit('job', `${lines(2)}bad\n${jsonLines(long, { id: 'b', text: 'End.', metadata: { k: 'v' } })}`);
    assert.deepEqual(await allItems(one, { limit: 10 }), []);
    await one.controller.pass();
    const ids = [
      [1, 'i0'],
      [2, 'i1'],
      [3, undefined],
      [4, 'long'],
      [5, 'b'],
    ];
    for (const limit of [1, 2, 3, 500]) {
      assert.deepEqual(
        brief(await allItems(one, { limit })).map(([line, item]) => [line, item]),
        ids,
      );
    }
    await one.work(one.queue.shift());
    assert.deepEqual(brief(await allItems(one, { limit: 2, status: 'done' })), [[1, 'i0', 'done']]);
    await one.workAll();
    assert.equal((await allItems(one, { limit: 9 }))[3]?.status, 'pending', 'it is no file yet');
    await one.controller.pass();
    const done = await allItems(one, { limit: 9 });
    assert.deepEqual(
      done.map(({ status }) => status),
      ['done', 'done', 'failed', 'done', 'done'],
    );
    assert.equal(done[2]?.error?.code, 'item_invalid');
    assert.deepEqual([done[4]?.output, done[4]?.metadata], ['b.wav', { k: 'v' }]);
    assert.ok((done[3]?.seconds ?? 0) > (done[0]?.seconds ?? 9));
  });

  it('shows what a retry made of them', async () => {
    const one = house();
    await one.submit('job', `${lines(30)}${jsonLines(long)}`);
    one.engine.before = async ({ text }) => {
      if (/number (1\d|3)\.|Sentence 3/.test(text)) throw new NarratorError('engine_crashed', 'x');
    };
    const run = async () => {
      await one.controller.pass();
      await one.workAll();
    };
    await run();
    await one.controller.pass();
    const failed = await allItems(one, { limit: 4, status: 'failed' });
    assert.ok(failed.length > 5 && failed.at(-1)?.item === 'long');
    one.engine.before = async () => undefined;
    await retryJob('job', { only: 'failed' }, one.common);
    assert.equal((await allItems(one, { limit: 7, status: 'failed' })).length, failed.length);
    await one.controller.pass();
    assert.deepEqual(
      (await allItems(one, { limit: 7, status: 'pending' })).map(({ item }) => item),
      failed.map(({ item }) => item),
    );
    await run();
    await one.controller.pass();
    assert.equal((await allItems(one, { limit: 7, status: 'done' })).length, 31);
  });

  it('refuses an unknown job, and limits and cursors that no page has', async () => {
    const one = house();
    await assert.rejects(readItems('job', { limit: 1 }, one), { code: 'job_not_found' });
    await one.submit('job', lines(1));
    for (const query of [{ limit: 0 }, { limit: 1, cursor: '0.1' }, { limit: 1, cursor: 'x' }]) {
      await assert.rejects(readItems('job', query, one), { code: 'usage' });
    }
  });
});
