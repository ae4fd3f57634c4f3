import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventCursor, type Section } from '../../../src/api/event-cursor.ts';

function recordedOf(shards: readonly number[]) {
  const there = new Set(shards);
  return { last: Math.max(0, ...shards), has: (shard: number) => there.has(shard) };
}
const shard = (number: number): Section => ({ kind: 'shard', number });

/** Takes all that is there, and gives the shards in the order in which they were taken. */
function take(cursor: EventCursor, shards: readonly number[]): number[] {
  const taken: number[] = [];
  const recorded = recordedOf(shards);
  for (;;) {
    const section = cursor.next(recorded, 0);
    if (section === undefined) return taken;
    taken.push(section.number);
    cursor.complete(section);
  }
}

describe('a cursor of events', () => {
  it('takes what is there, in whatever order it comes, each once', () => {
    const cursor = new EventCursor();
    assert.deepEqual(take(cursor, [2, 5]), [2, 5]);
    assert.equal(String(cursor), '2,5;0');
    assert.deepEqual(take(cursor, [1, 2, 3, 5, 9]), [1, 3, 9]);
    assert.equal(String(cursor), '1-3,5,9;0');
    assert.deepEqual(take(cursor, [1, 2, 3, 4, 5, 6, 7, 8, 9]), [4, 6, 7, 8]);
    assert.equal(String(cursor), '1-9;0');
  });

  it('comes back from its text as it was, at every place', () => {
    const cursor = new EventCursor();
    const texts: string[] = [String(cursor)];
    take(cursor, [1, 2, 7]);
    cursor.reach(shard(4), 17);
    texts.push(String(cursor));
    cursor.complete(shard(4));
    cursor.reach({ kind: 'joined', number: 1 }, 3);
    texts.push(String(cursor));
    cursor.complete({ kind: 'joined', number: 1 });
    cursor.end(2);
    texts.push(String(cursor));
    assert.deepEqual(texts, [';0', '1-2,7;0;4:17', '1-2,4,7;0;j1:3', '1-2,4,7;1;end2']);
    for (const text of texts) assert.equal(String(EventCursor.parse(text)), text);
    assert.equal(EventCursor.parse('1-2,7;0;4:17')?.lineIn(shard(4)), 17);
    assert.equal(EventCursor.parse('1-2,7;0;4:17')?.lineIn(shard(5)), 0);
    assert.equal(EventCursor.parse('1;1;end2')?.ended, 2);
  });

  it('looks no further than there are shards, whatever numbers a client names', () => {
    const asked: number[] = [];
    const recorded = { last: 3, has: (number: number) => asked.push(number) > 0 && number === 2 };
    assert.deepEqual(EventCursor.parse('999999999;0')?.next(recorded, 0), shard(2));
    assert.equal(EventCursor.parse('2,999999990-999999999;0')?.next(recorded, 0), undefined);
    assert.ok(asked.length < 20, `${asked.length} looks`);
  });

  it('goes on with what was begun, and has joined items behind all shards', () => {
    const cursor = EventCursor.parse('2;0;5:3') ?? assert.fail();
    assert.deepEqual(cursor.next(recordedOf([1, 2, 5]), 1), shard(5));
    cursor.complete(shard(5));
    assert.deepEqual(cursor.next(recordedOf([1, 2, 5]), 1), shard(1));
    cursor.complete(shard(1));
    assert.deepEqual(cursor.next(recordedOf([1, 2, 5]), 1), { kind: 'joined', number: 1 });
    cursor.complete({ kind: 'joined', number: 1 });
    assert.equal(cursor.next(recordedOf([1, 2, 5]), 1), undefined);
  });

  it('stays short: shards beyond too many gaps wait', () => {
    const cursor = new EventCursor();
    const odd = Array.from({ length: 5000 }, (_, n) => 3 + 2 * n);
    const first = take(cursor, odd);
    assert.ok(first.length < 100);
    assert.ok(String(cursor).length < 1000);
    const rest = take(cursor, [1, 2, ...odd, ...odd.map((number) => number + 1)]);
    assert.equal(first.length + rest.length, 10_002);
    assert.equal(String(cursor), '1-10002;0');
  });

  it('is not made of what is none', () => {
    const junk = [
      '',
      'x',
      '1',
      ';',
      ';x',
      '0;0',
      '2-1;0',
      '1,1;0',
      '1,2;0',
      '3,1;0',
      '1;0;',
      '1;0;5',
      '1;0;j:1',
      '1;0;5:1;',
      '1;0;end',
      '1;0;end0',
      '1;0 ',
      '-1;0',
      `${'1,'.repeat(3000)}9;0`,
    ];
    for (const text of junk) assert.equal(EventCursor.parse(text), undefined, text.slice(0, 20));
  });
});
