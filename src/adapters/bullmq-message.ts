/** What travels over the queue: ids outwards, the outcome back. Never text or audio. */
import { z } from 'zod';
import { errorRecordSchema } from '../core/error-record.ts';
import { NarratorError } from '../core/errors.ts';
import { JOB_ID, shardNumber } from '../core/keys.ts';
import type { ShardMessage } from '../core/ports.ts';

const messageSchema = z.strictObject({
  jobId: z.string().regex(JOB_ID),
  shardId: z.string().refine((name) => shardNumber(name) !== undefined),
  attempt: z.int().min(1),
});

/** The ledger knows the whole text of an error; the queue keeps what a controller and an operator need. */
const FAILURE_CHARACTERS_MAX = 4096;

/**
 * The queue's own name of a message: equal for equal messages, so that the queue takes one of them. BullMQ refuses ':' and whole
 * numbers; a shard's name has no '_', so that the parts can be told apart again whatever the job is called.
 */
export function messageId({ jobId, shardId, attempt }: ShardMessage): string {
  return `${jobId}_${shardId}_${attempt}`;
}

/** The inverse of `messageId`. @returns undefined if it is no name of ours */
export function messageOfId(id: string): ShardMessage | undefined {
  const [, jobId, shardId, attempt] = /^(.+)_([^_]+)_(\d{1,9})$/.exec(id) ?? [];
  return messageSchema.safeParse({ jobId, shardId, attempt: Number(attempt) }).data;
}

/** @throws NarratorError internal (not retryable) if somebody else writes into this queue */
export function parseMessage(data: unknown): ShardMessage {
  const parsed = messageSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new NarratorError('internal', 'The queue holds a message that is none of f5-narrator.', {
    hint: 'Give f5-narrator a queue name (NARRATOR_QUEUE) of its own.',
  });
}

/** An error as the queue keeps it: the one field of a failed message that reaches every listener is a string. */
export function encodeFailure(error: NarratorError): string {
  const record = error.toRecord();
  return JSON.stringify({ ...record, message: record.message.slice(0, FAILURE_CHARACTERS_MAX) });
}

/** The inverse of `encodeFailure`. What BullMQ itself says (a message that stalled too often) is a worker's end: it may pass. */
export function decodeFailure(reason: string): NarratorError {
  try {
    return NarratorError.fromRecord(errorRecordSchema.parse(JSON.parse(reason)));
  } catch {
    // Not shard_abandoned: that ends a shard, and here the controller has dispatches left.
    return new NarratorError('engine_crashed', `The queue gave the message up: ${reason.slice(0, 200)}`);
  }
}
