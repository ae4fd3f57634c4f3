/** Every key of the artifact store, and the names from which keys are made. Nothing else may build one. */
import { sha256Hex } from './canonical-json.ts';
import { NarratorError } from './errors.ts';
import type { SynthesisParameters } from './segment.ts';

/** Longest key in UTF-8 bytes: S3's own limit. */
const KEY_BYTES_MAX = 1024;
/** Longest part between two '/' in UTF-8 bytes: what file systems take. */
const KEY_PART_BYTES_MAX = 255;

/**
 * Refuses every key that could leave a store's root or that some medium could not hold. Adapters call it first.
 * @throws NarratorError key_invalid
 */
export function checkKey(key: string): void {
  const problem = keyProblem(key);
  if (problem !== undefined) {
    throw new NarratorError('key_invalid', `The key ${JSON.stringify(key.slice(0, 200))} ${problem}.`);
  }
}

function keyProblem(key: string): string | undefined {
  if (key === '') return 'is empty';
  if (key.startsWith('/')) return 'is absolute';
  if (/[\u0000-\u001f\u007f\\]/.test(key)) return 'holds a control character or a backslash';
  if (/\p{Cs}/u.test(key)) return 'is not well-formed Unicode';
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) return `is longer than ${KEY_BYTES_MAX} bytes`;
  for (const part of key.split('/')) {
    if (part === '') return 'has an empty part between two slashes or at its end';
    if (part === '.' || part === '..') return `has a part '${part}'`;
    if (Buffer.byteLength(part) > KEY_PART_BYTES_MAX) return `has a part longer than ${KEY_PART_BYTES_MAX} bytes`;
  }
  return undefined;
}

// ---------------------------------------------------------------- names

/** Ids of jobs, as clients may choose them: they become part of keys and of queue messages. */
export const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Ids of voices. */
export const VOICE_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * Name of the n-th shard (from 1). Names sort by bytes in the order of their numbers without an upper end: up to 999,999 six
 * digits, beyond that a letter that says how many more digits there are ('a' for seven, 'b' for eight), and letters
 * sort behind digits.
 */
export function shardName(number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) throw new RangeError(`No shard has the number ${number}`);
  const digits = String(number);
  if (digits.length <= 6) return `shard-${digits.padStart(6, '0')}`;
  return `shard-${String.fromCharCode('a'.charCodeAt(0) + digits.length - 7)}${digits}`;
}

/** @returns the number of a shard, or undefined if that is no name of a shard */
export function shardNumber(name: string): number | undefined {
  const digits = /^shard-(\d{6}|[a-j]\d{7,16})$/.exec(name)?.[1]?.replace(/^[a-j]/, '');
  const number = Number(digits);
  return digits !== undefined && number >= 1 && shardName(number) === name ? number : undefined;
}

// ---------------------------------------------------------------- the ledger of a job

export const jobHeadKey = (jobId: string) => `jobs/${jobId}/job.json`;
export const manifestPrefix = (jobId: string) => `jobs/${jobId}/manifest-`;
/** `copy` tells the copies of competing submitters apart: job.json names the one that counts. */
export const manifestKey = (jobId: string, copy: string, format: string) => `${manifestPrefix(jobId)}${copy}.${format}`;
export const jobLexiconPrefix = (jobId: string) => `jobs/${jobId}/lexicon-`;
export const jobLexiconKey = (jobId: string, digest: string) => `${jobLexiconPrefix(jobId)}${digest}.json`;
/** `round` counts from 1; every retry of a job is another round, with objects of its own. */
export const planKey = (jobId: string, round = 1) => `jobs/${jobId}/plan${ofRound(round)}.json`;
export const shardKey = (jobId: string, shardId: string) => `jobs/${jobId}/plan/${shardId}.json`;
export const recordPrefix = (jobId: string) => `jobs/${jobId}/records/`;
export const recordKey = (jobId: string, shardId: string) => `${recordPrefix(jobId)}${shardId}.json`;
/** what was sent of a shard to an endpoint that can say nothing about it later: one object for each invocation, from 1 */
export const invocationPrefix = (jobId: string, shardId: string) => `jobs/${jobId}/invocations/${shardId}-`;
export const invocationKey = (jobId: string, shardId: string, attempt: number) =>
  `${invocationPrefix(jobId, shardId)}${attempt}.json`;
export const cancelKey = (jobId: string) => `jobs/${jobId}/cancel.json`;
export const finishedKey = (jobId: string, round = 1) => `jobs/${jobId}/finished${ofRound(round)}.json`;
/** outcomes of the items that were joined when the round was finished */
export const joinedKey = (jobId: string, round: number) => `jobs/${jobId}/joined-${round}.json`;
export const retryPrefix = (jobId: string) => `jobs/${jobId}/retry-`;
/** asks for the round behind `round` */
export const retryKey = (jobId: string, round: number) => `${retryPrefix(jobId)}${round}.json`;
const ofRound = (round: number) => (round === 1 ? '' : `-${round}`);
/** the one object of a job that changes: which controller works on it */
export const leaseKey = (jobId: string) => `jobs/${jobId}/lease.json`;
export const eventPrefix = (jobId: string) => `jobs/${jobId}/events/`;
export const eventKey = (jobId: string, eventId: string) => `${eventPrefix(jobId)}${eventId}.json`;
/** notifications that nobody could be given */
export const undeliveredPrefix = (jobId: string) => `jobs/${jobId}/undelivered/`;
export const undeliveredKey = ({ jobId, eventId, subscriptionId }: DeliveryName) =>
  `${undeliveredPrefix(jobId)}${eventId}.${subscriptionId}.json`;
export const jobPrefix = (jobId: string) => `jobs/${jobId}/`;
/** where results go unless the client names another place */
export const defaultResultsPrefix = (jobId: string) => `jobs/${jobId}/results/`;

/** The shard of a record's key. */
export function shardOfRecordKey(jobId: string, key: string): string {
  return key.slice(recordPrefix(jobId).length, -'.json'.length);
}

// ---------------------------------------------------------------- indices over jobs

export const openPrefix = 'open/';
export const openKey = (jobId: string) => `${openPrefix}${jobId}`;
export const indexPrefix = 'index/';

/** Newest first: 13 digits of what is left of the milliseconds that 13 digits can count. */
export function indexKey(jobId: string, createdAt: Date): string {
  return `${indexPrefix}${String(9_999_999_999_999 - createdAt.getTime()).padStart(13, '0')}-${jobId}`;
}

/** The job of a key of the index. */
export const jobOfIndexKey = (key: string) => key.slice(indexPrefix.length + '0000000000000-'.length);

// ---------------------------------------------------------------- notifications that are owed

/** One event for one of those who want it. */
export interface DeliveryName {
  readonly jobId: string;
  readonly eventId: string;
  readonly subscriptionId: string;
}

export const outboxPrefix = 'outbox/';
export const outboxJobPrefix = (jobId: string) => `${outboxPrefix}${jobId}/`;
export const outboxKey = ({ jobId, eventId, subscriptionId }: DeliveryName) =>
  `${outboxJobPrefix(jobId)}${eventId}.${subscriptionId}`;

/** The inverse of `outboxKey`. @returns undefined if it is no key of the outbox */
export function deliveryOfKey(key: string): DeliveryName | undefined {
  const [, jobId, eventId, subscriptionId] = /^outbox\/([^/]+)\/(\w+)\.(\w+)$/.exec(key) ?? [];
  if (jobId === undefined || eventId === undefined || subscriptionId === undefined) return undefined;
  return { jobId, eventId, subscriptionId };
}

// ---------------------------------------------------------------- jobs that are being deleted

export const deletingPrefix = 'deleting/';
export const deletingKey = (jobId: string) => `${deletingPrefix}${jobId}`;

// ---------------------------------------------------------------- results

/** `output` ends in .wav: see manifest.ts. */
export const audioKey = (prefix: string, output: string) => `${prefix}${output}`;
export const sidecarKey = (prefix: string, output: string) => `${prefix}${output.replace(/\.wav$/, '.json')}`;
/** The output whose audio or sidecar has this key, if it is one of the two. */
export const outputOfKey = (prefix: string, key: string) => key.slice(prefix.length).replace(/\.json$/, '.wav');
export const resultsKey = (prefix: string) => `${prefix}results.jsonl`;
export const errorsKey = (prefix: string) => `${prefix}errors.jsonl`;
export const summaryKey = (prefix: string) => `${prefix}summary.json`;

// ---------------------------------------------------------------- segments by content

/** Raise it when finishing or storing of segments changes: what is stored then no longer matches and is made again. */
const SEGMENT_VERSION = 1;

export interface SegmentIdentity {
  readonly text: string;
  readonly voiceVersion: string;
  readonly modelDigest: string;
  readonly parameters: SynthesisParameters;
  readonly seed: string;
}

/** The name of a sound: sha256 of everything that decides it. */
export function segmentDigest({ text, voiceVersion, modelDigest, parameters, seed }: SegmentIdentity): string {
  const { steps, cfg, sway, speed } = parameters;
  // Canonical JSON by the order in which the names stand here: a plan has one for each segment, and sorting them takes three times as long.
  const identity = {
    modelDigest,
    parameters: { cfg, speed, steps, sway },
    seed,
    text,
    v: SEGMENT_VERSION,
    voiceVersion,
  };
  return sha256Hex(JSON.stringify(identity));
}

export const segmentKey = (digest: string) => `segments/${digest.slice(0, 2)}/${digest}.wav`;
/** what the waveform checks said; only there if they said something */
export const segmentWarningsKey = (digest: string) => `segments/${digest.slice(0, 2)}/${digest}.json`;

// ---------------------------------------------------------------- voices

export const voicesPrefix = 'voices/';
export const voicePrefix = (voiceId: string) => `${voicesPrefix}${voiceId}/`;
export const currentVoiceKey = (voiceId: string) => `${voicePrefix(voiceId)}current.json`;
export const voiceKey = (voiceId: string, version: string) => `${voicePrefix(voiceId)}${version}/voice.json`;
/** by its content: versions of a voice share it, and a changed one is another */
export const voiceLexiconKey = (voiceId: string, digest: string) => `${voicePrefix(voiceId)}lexicons/${digest}.json`;
export const promptKey = (voiceId: string, version: string) => `${voicePrefix(voiceId)}${version}/prompt.f32`;

/** Voices of one request, by the names that borrowedId gives: nobody lists them, and they are swept. */
export const borrowedPrefix = 'borrowed/';
export const BORROWED_ID = /^reference-[0-9a-f]{24}$/;
export const borrowedId = (version: string) => `reference-${version.slice(0, 24)}`;
export const borrowedVoiceKey = (id: string) => `${borrowedPrefix}${id}/voice.json`;
export const borrowedPromptKey = (id: string) => `${borrowedPrefix}${id}/prompt.f32`;

// ---------------------------------------------------------------- API keys

export const apiKeyPrefix = 'keys/';
export const apiKeyKey = (keyId: string) => `${apiKeyPrefix}${keyId}.json`;
