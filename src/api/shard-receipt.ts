/** What a caller is told of a shard that has its record. The record says more, and is what counts: a receipt only says "look now". */
import type { ItemOutcome, ShardRecord } from '../core/record.ts';

export type ShardStatus = 'recorded' | 'already-recorded' | 'cancelled';

interface SegmentReceipt {
  /** absent for a line without a usable id */
  readonly item?: string;
  readonly line: number;
  /** place in its item, from 1; absent where the item failed as a whole */
  readonly segment?: number;
  readonly status: 'done' | 'failed';
  readonly seconds?: number;
  readonly code?: string;
}

export interface ShardReceipt {
  readonly v: 1;
  readonly jobId: string;
  readonly shardId: string;
  readonly attempt: number;
  readonly status: ShardStatus;
  /** a part of an item that spans shards counts as one here */
  readonly items: { readonly done: number; readonly failed: number };
  readonly segments: readonly SegmentReceipt[];
  /** there are more segments than a receipt may hold */
  readonly truncated?: true;
}

/** SageMaker puts answers of up to 128 KB into its notifications, in base64. */
export const RECEIPT_BYTES_MAX = 100_000;
/** What stands around the segments: ids are short. */
const FRAME_BYTES = 1_000;

/** At most RECEIPT_BYTES_MAX as JSON: segments that do not fit are left out. */
export function shardReceipt(
  { jobId, shardId, items }: ShardRecord,
  { attempt, status }: { readonly attempt: number; readonly status: ShardStatus },
): ShardReceipt {
  const failed = items.filter((item) => item.status === 'failed').length;
  const segments: SegmentReceipt[] = [];
  let bytesLeft = RECEIPT_BYTES_MAX - FRAME_BYTES;
  for (const segment of items.flatMap(segmentsOf)) {
    bytesLeft -= Buffer.byteLength(JSON.stringify(segment)) + 1;
    if (bytesLeft < 0) break;
    segments.push(segment);
  }
  const isTruncated = bytesLeft < 0;
  const counts = { done: items.length - failed, failed };
  return { v: 1, jobId, shardId, attempt, status, items: counts, segments, ...(isTruncated && { truncated: true }) };
}

function segmentsOf(outcome: ItemOutcome): SegmentReceipt[] {
  const { line, item } = outcome;
  const name = { ...(item !== undefined && { item }), line };
  if (outcome.status === 'failed') return [{ ...name, status: 'failed', code: outcome.error.code }];
  const first = outcome.status === 'part' ? outcome.firstSegment : 0;
  return outcome.segments.map(({ samples }, at) => {
    const seconds = Math.round((samples / outcome.sampleRateHz) * 1000) / 1000;
    return { ...name, segment: first + at + 1, status: 'done', seconds };
  });
}
