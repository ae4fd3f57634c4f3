/**
 * A manifest that somebody put into a bucket becomes a job: the same place with the same content (its ETag) is the same job, however often
 * it is told of. A manifest that is replaced while its job is at work takes that job's place.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3ArtifactStore } from '../adapters/store-s3.ts';
import { canonicalJson, sha256Hex } from '../core/canonical-json.ts';
import { cancelJob } from '../core/cancel-job.ts';
import { type ErrorCode, NarratorError, toNarratorError } from '../core/errors.ts';
import { type JobOptions, parseJobOptions, RESULTS_PREFIX_BYTES_MAX, resultsDestination } from '../core/job-options.ts';
import type { JobParameters, ResultsDestination } from '../core/job.ts';
import { finishedKey, jobHeadKey, openKey, openPrefix } from '../core/keys.ts';
import { putJson } from '../core/ledger.ts';
import type { ItemDefaults, ManifestFormat } from '../core/manifest.ts';
import { countItems } from '../core/manifest-reader.ts';
import type { ArtifactStore, ObjectHead } from '../core/ports.ts';
import { submitJob } from '../core/submit-job.ts';
import type { Subscription } from '../core/subscription.ts';
import type { S3Place } from './allowed-buckets.ts';
import { interruptible, MANIFEST_BYTES_MAX, s3Address } from './manifest-source.ts';
import type { OpenPlace } from './open-store.ts';

export interface TakeManifestDeps {
  readonly store: ArtifactStore;
  readonly openPlace: OpenPlace;
  /** that jobs are planned for */
  readonly model: { readonly id: string; readonly digest: string };
  /** see Narrator.choices. @throws NarratorError usage */
  readonly choices: (options: ItemDefaults & { steps?: number; cfg?: number }) => {
    defaults: ItemDefaults;
    parameters: JobParameters;
  };
  /** @throws NarratorError bucket_not_allowed */
  readonly checkResults: (results: ResultsDestination) => void;
  /** @throws NarratorError subscription_invalid */
  readonly checkSubscriptions: (subscriptions: readonly Subscription[]) => void;
  readonly now: () => Date;
  readonly newId: () => string;
  /** default MANIFEST_BYTES_MAX */
  readonly bytesMax?: number;
}

export type TakenManifest =
  | { readonly outcome: 'accepted' | 'known'; readonly jobId: string; readonly replaced: readonly string[] }
  /** somebody replaced it meanwhile, and its job was cancelled at once: there is another event for what lies there now */
  | { readonly outcome: 'outdated'; readonly jobId: string }
  /** the object is not there any more */
  | { readonly outcome: 'gone' }
  /** it cannot be a job: what lies beside it now says why */
  | { readonly outcome: 'refused'; readonly error: NarratorError };

const FORMAT = /\.(jsonl|csv)$/i;
/** What jobs write below their results, and would otherwise be manifests themselves. */
const RESULTS = /(^|\/)(results|errors)\.jsonl$/i;

export const isManifestKey = (key: string) => FORMAT.test(key) && !RESULTS.test(key);

const stemOf = (key: string) => key.replace(FORMAT, '');
/** beside the manifest, where the producer looks */
export const errorKeyOf = (key: string) => `${key}.error.json`;
export const optionsKeyOf = (key: string) => `${stemOf(key)}.options.json`;

const OPTIONS_BYTES_MAX = 256 * 1024;
/** For the job of the version before to end, once it is cancelled: workers are given ten seconds to record what they have. */
const END_MAX_MS = 60_000;
const END_POLL_MS = 500;
const CONFLICT_TRIES = 10;

/** What is wrong with the manifest or its options, and stays wrong. */
const REFUSALS: readonly ErrorCode[] = [
  'manifest_invalid',
  'manifest_too_large',
  'request_invalid',
  'usage',
  'key_invalid',
  'bucket_not_allowed',
  'subscription_invalid',
];

/**
 * @param place of an object for which isManifestKey holds
 * @throws NarratorError bucket_not_allowed, key_invalid (of the manifest itself: nothing can be written beside it); cancelled (retryable) once
 * `signal` aborts; store_busy, store errors
 */
export async function takeManifest(
  place: S3Place,
  deps: TakeManifestDeps,
  signal: AbortSignal,
): Promise<TakenManifest> {
  const { store: bucket, key } = await deps.openPlace('manifest', place, 'write');
  const head = await bucket.head(key);
  if (head === undefined) return { outcome: 'gone' };
  const manifest = { place, bucket, key, head };
  const jobId = jobIdOf(place, head.etag);
  if (await isAccepted(deps.store, jobId)) return { outcome: 'known', jobId, replaced: [] };
  try {
    return await submit(jobId, manifest, deps, signal);
  } catch (thrown) {
    const error = toNarratorError(thrown);
    if (!REFUSALS.includes(error.code)) throw error;
    const answer = { v: 1, manifest: s3Address(place), etag: head.etag, error: error.toRecord() };
    await putJson(bucket, errorKeyOf(key), answer);
    return { outcome: 'refused', error };
  }
}

interface FoundManifest {
  readonly place: S3Place;
  /** and the key in it */
  readonly bucket: S3ArtifactStore;
  readonly key: string;
  readonly head: ObjectHead;
}

async function submit(
  jobId: string,
  manifest: FoundManifest,
  deps: TakeManifestDeps,
  signal: AbortSignal,
): Promise<TakenManifest> {
  const { place, bucket, key, head } = manifest;
  const { store } = deps;
  const { bytesMax = MANIFEST_BYTES_MAX } = deps;
  if (head.size > bytesMax) {
    const message = `${s3Address(place)} has ${head.size} bytes; the limit is ${bytesMax} bytes.`;
    throw new NarratorError('manifest_too_large', message, { limit: bytesMax });
  }
  const format: ManifestFormat = /\.csv$/i.test(key) ? 'csv' : 'jsonl';
  const request = requestOf(await readOptions(manifest), place, deps);
  const read = () => interruptible(bucket.readVersion(key, head.etag), signal);
  await countItems(read(), format);

  const replaced = await endEarlierJobs(place, jobId, deps, signal);
  const { created } = await submitJob(
    { id: jobId, manifest: { format, bytes: read() }, source: s3Address(place), ...request },
    deps,
  ).catch(async (thrown: unknown) => {
    // Somebody was told of it too, and found other options beside it.
    const isConflict = toNarratorError(thrown).code === 'job_conflict';
    if (isConflict && (await becomesAccepted(store, jobId))) return { created: false };
    throw thrown;
  });
  // Whoever replaced it may have looked for earlier jobs before this one was there.
  if ((await bucket.head(key))?.etag !== head.etag) {
    await cancelJob(jobId, deps);
    return { outcome: 'outdated', jobId };
  }
  await bucket.delete(errorKeyOf(key));
  return { outcome: created ? 'accepted' : 'known', jobId, replaced };
}

/** The place first: the jobs of one place have a common beginning. */
const jobPrefixOf = ({ bucket, key }: S3Place) => `s3-${sha256Hex(canonicalJson({ bucket, key })).slice(0, 24)}-`;
const jobIdOf = (place: S3Place, etag: string) => `${jobPrefixOf(place)}${sha256Hex(etag).slice(0, 24)}`;

/** Once it is open or finished, nothing of the submission is left to be done. */
async function isAccepted(store: ArtifactStore, jobId: string): Promise<boolean> {
  if ((await store.head(jobHeadKey(jobId))) === undefined) return false;
  return (await store.head(openKey(jobId))) !== undefined || (await store.head(finishedKey(jobId))) !== undefined;
}

/** The other one may be about to finish its submission. One that was killed in it will be told of the manifest again. */
async function becomesAccepted(store: ArtifactStore, jobId: string): Promise<boolean> {
  for (let tries = 1; tries <= CONFLICT_TRIES; tries++) {
    if (await isAccepted(store, jobId)) return true;
    await sleep(END_POLL_MS);
  }
  return false;
}

/** Two jobs at work on the same results would write over each other: the one of the earlier version has to end first. */
async function endEarlierJobs(
  place: S3Place,
  jobId: string,
  deps: TakeManifestDeps,
  signal: AbortSignal,
): Promise<string[]> {
  const { store } = deps;
  const earlier: string[] = [];
  for await (const { key } of store.list(openKey(jobPrefixOf(place)))) {
    const id = key.slice(openPrefix.length);
    if (id !== jobId) earlier.push(id);
  }
  for (const id of earlier) await cancelJob(id, deps);
  const endAtMs = performance.now() + END_MAX_MS;
  for (const id of earlier) {
    while ((await store.head(openKey(id))) !== undefined) {
      if (performance.now() > endAtMs) {
        throw new NarratorError('store_busy', `The job ${id} of the manifest's earlier version has not ended yet.`, {
          hint: 'It is tried again.',
        });
      }
      await sleep(END_POLL_MS, undefined, { signal }).catch((cause: unknown) => {
        throw new NarratorError('cancelled', 'Taking the manifest was interrupted.', { retryable: true }, { cause });
      });
    }
  }
  return earlier;
}

/** @throws NarratorError request_invalid */
async function readOptions({ bucket, place, key }: FoundManifest): Promise<JobOptions> {
  const head = await bucket.head(optionsKeyOf(key));
  if (head === undefined) return {};
  const address = s3Address({ ...place, key: optionsKeyOf(place.key) });
  if (head.size > OPTIONS_BYTES_MAX) {
    throw new NarratorError(
      'request_invalid',
      `${address} has ${head.size} bytes; the limit is ${OPTIONS_BYTES_MAX}.`,
      {
        limit: OPTIONS_BYTES_MAX,
      },
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of bucket.readVersion(head.key, head.etag)) chunks.push(chunk);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new NarratorError('request_invalid', `${address} is not JSON in UTF-8.`);
  }
  return parseJobOptions(value, address);
}

/** @throws NarratorError usage, bucket_not_allowed, subscription_invalid, key_invalid */
function requestOf(options: JobOptions, place: S3Place, deps: TakeManifestDeps) {
  const { defaults, parameters, results: _results, ...rest } = options;
  const results = resultsDestination(options) ?? resultsBeside(place);
  deps.checkResults(results);
  if (rest.notify !== undefined) deps.checkSubscriptions(rest.notify);
  return { ...rest, ...deps.choices({ ...defaults, ...parameters }), results, model: deps.model };
}

/** The producer finds the audio next to the manifest. */
function resultsBeside({ bucket, key }: S3Place): ResultsDestination {
  const stem = stemOf(key);
  if (Buffer.byteLength(stem) <= RESULTS_PREFIX_BYTES_MAX) return { kind: 's3', bucket, prefix: `${stem}/` };
  throw new NarratorError(
    'key_invalid',
    `The manifest's key is longer than ${RESULTS_PREFIX_BYTES_MAX} bytes: the paths of its results would not fit behind it.`,
    { limit: RESULTS_PREFIX_BYTES_MAX },
  );
}
