/**
 * What S3 tells of its objects, out of the messages of a queue: its own form, the same in an envelope of SNS, and EventBridge's.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
import { z } from 'zod';
import { NarratorError } from '../core/errors.ts';

export interface S3Event {
  /** as its sender calls it: 'ObjectCreated:Put', 'Object Created' */
  readonly name: string;
  /** there is a new object, or a new version of one */
  readonly isCreation: boolean;
  readonly bucket: string;
  /** as S3 has it: nothing in it is encoded */
  readonly key: string;
}

const recordsSchema = z.object({
  Records: z.array(
    z.object({
      eventName: z.string(),
      s3: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
    }),
  ),
});
const testEventSchema = z.object({ Event: z.literal('s3:TestEvent') });
const snsSchema = z.object({ Type: z.literal('Notification'), Message: z.string() });
const eventBridgeSchema = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.string(),
  detail: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
});

/**
 * @returns none for the test event that S3 sends when its notifications are set up
 * @throws NarratorError request_invalid for a message that is none of S3
 */
export function parseS3Events(body: string): S3Event[] {
  const message = parsed(body);
  const inSns = snsSchema.safeParse(message);
  return eventsOf(inSns.success ? parsed(inSns.data.Message) : message);
}

function eventsOf(message: unknown): S3Event[] {
  if (testEventSchema.safeParse(message).success) return [];
  const own = recordsSchema.safeParse(message);
  if (own.success) {
    return own.data.Records.map(({ eventName, s3 }) => ({
      name: eventName,
      // Stores that speak S3's protocol write 's3:' before it.
      isCreation: /^(s3:)?ObjectCreated:/.test(eventName),
      bucket: s3.bucket.name,
      key: decoded(s3.object.key),
    }));
  }
  const bridged = eventBridgeSchema.safeParse(message);
  if (!bridged.success) throw strange('is no event of S3');
  const { 'detail-type': name, detail } = bridged.data;
  return [{ name, isCreation: name === 'Object Created', bucket: detail.bucket.name, key: detail.object.key }];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw strange('is not JSON');
  }
}

/** As in forms: a blank is a plus sign, a plus sign is %2B. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    throw strange('names an object by a key that cannot be decoded');
  }
}

const strange = (why: string) =>
  new NarratorError('request_invalid', `A message of the queue of manifests ${why}.`, {
    hint: "Let only the bucket's notifications write to that queue; docs/manifests-in-s3.md shows how.",
  });
