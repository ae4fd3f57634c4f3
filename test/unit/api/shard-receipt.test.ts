import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECEIPT_BYTES_MAX, shardReceipt } from '../../../src/api/shard-receipt.ts';
import type { ItemOutcome, ShardRecord } from '../../../src/core/record.ts';

const segment = { key: 'k', seed: '1', take: 1, samples: 36_000, reused: false };
const ABOUT = { attempt: 2, status: 'recorded' } as const;

function recordOf(items: ItemOutcome[]): ShardRecord {
  const times = { startedAt: '2026-01-01T00:00:00.000Z', finishedAt: '2026-01-01T00:00:01.000Z' };
  return { v: 1, jobId: 'job', shardId: 'shard-000001', ...times, frames: 1, items };
}

test('files, parts of longer items and failed lines each have their say', () => {
  const error = { code: 'text_empty', message: 'm', hint: 'h', retryable: false } as const;
  const items: ItemOutcome[] = [
    {
      status: 'done',
      line: 1,
      item: 'a',
      output: 'a.wav',
      samples: 72_000,
      sampleRateHz: 24_000,
      segments: [segment, segment],
    },
    { status: 'part', line: 2, item: 'b', firstSegment: 40, sampleRateHz: 24_000, segments: [segment] },
    { status: 'failed', line: 3, error },
  ];
  assert.deepEqual(shardReceipt(recordOf(items), ABOUT), {
    ...{ v: 1, jobId: 'job', shardId: 'shard-000001', ...ABOUT },
    items: { done: 2, failed: 1 },
    segments: [
      { item: 'a', line: 1, segment: 1, status: 'done', seconds: 1.5 },
      { item: 'a', line: 1, segment: 2, status: 'done', seconds: 1.5 },
      { item: 'b', line: 2, segment: 41, status: 'done', seconds: 1.5 },
      { line: 3, status: 'failed', code: 'text_empty' },
    ],
  });
});

test('a receipt is never too large for a notification: it counts everything, and leaves segments out', () => {
  const items = Array.from({ length: 3_000 }, (_, at): ItemOutcome => {
    const name = { line: at + 1, item: `kapitel-${'ü'.repeat(20)}-${at}`, output: `${at}.wav` };
    return { status: 'done', ...name, samples: 36_000, sampleRateHz: 24_000, segments: [segment] };
  });
  const receipt = shardReceipt(recordOf(items), ABOUT);
  const bytes = Buffer.byteLength(JSON.stringify(receipt));
  assert.ok(bytes <= RECEIPT_BYTES_MAX && bytes > RECEIPT_BYTES_MAX / 2, `${bytes} bytes`);
  assert.deepEqual([receipt.truncated, receipt.items], [true, { done: 3_000, failed: 0 }]);
  assert.equal(receipt.segments[0]?.item, items[0]?.item);
});
