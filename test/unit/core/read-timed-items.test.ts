import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putJson } from '../../../src/core/ledger.ts';
import { readTimedItems } from '../../../src/core/read-timed-items.ts';
import { house, lines } from './house.ts';

test('a page of long timings ends early, and pages together have each item once, with what lies beside it', async () => {
  const one = house();
  await one.submit('job', lines(5));
  await one.controller.pass();
  await one.workAll();
  await one.controller.pass();
  const results = { store: one.results, prefix: '' };
  await putJson(one.results, 'i1.json', { text: 'x'.repeat(5 * 1024 * 1024) });
  await one.results.delete('i3.json');
  await one.results.put('i4.json', Buffer.from('no JSON'));
  const seen: [number, string[] | undefined][][] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: 500, ...(cursor !== undefined && { cursor }) };
    const page = await readTimedItems('job', query, { store: one.store, results });
    const keys = (line: number) => Object.keys(page.timings?.get(line) ?? {}).slice(0, 2);
    seen.push(page.entries.map(({ line }) => [line, keys(line)]));
    cursor = page.cursor;
  } while (cursor !== undefined);
  assert.deepEqual(seen, [
    [
      [1, ['v', 'item']],
      [2, ['text']],
    ],
    [
      [3, ['v', 'item']],
      [4, []],
      [5, []],
    ],
  ]);
});
