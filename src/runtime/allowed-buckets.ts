/** Which places in S3 a job may name, for its manifest and for its results: the server's credentials reach more than clients should. */
import { NarratorError } from '../core/errors.ts';
import type { ResultsDestination } from '../core/job.ts';
import type { Config } from './config.ts';

export interface S3Place {
  readonly bucket: string;
  /** of an object; or a prefix, which is empty or ends in '/' */
  readonly key: string;
}

export interface AllowedPlace {
  /** the folder of NARRATOR_BUCKETS in which it lies: '', or without a slash at its end */
  readonly folder: string;
  /** the key, or prefix, as seen from that folder */
  readonly key: string;
}

type Rules = Pick<Config, 'buckets' | 'store'>;

/**
 * Where in NARRATOR_BUCKETS a place lies; undefined if it lies in none of them. The deployment's own store is none: who may name it could
 * read and write other people's jobs. Only an entry that lies in the store itself, written by the operator, opens that folder of it.
 */
export function allowedPlace({ bucket, key }: S3Place, { buckets, store }: Rules): AllowedPlace | undefined {
  const own = store?.kind === 's3' && store.bucket === bucket ? prefixOf(store.prefix) : undefined;
  for (const entry of buckets) {
    const [name, ...parts] = entry.split('/');
    const prefix = prefixOf(parts.join('/').replace(/\/+$/, ''));
    if (name !== bucket || !key.startsWith(prefix)) continue;
    const opensOwn = own !== undefined && prefix !== own && prefix.startsWith(own);
    if (own !== undefined && !opensOwn && meets(key, own)) continue;
    return { folder: prefix.slice(0, -1), key: key.slice(prefix.length) };
  }
  return undefined;
}

const prefixOf = (folder: string) => (folder === '' ? '' : `${folder}/`);

/** A prefix above the store is as good as one inside: the items' paths lead down from there. */
function meets(key: string, own: string): boolean {
  const isPrefix = key === '' || key.endsWith('/');
  return key.startsWith(own) || (isPrefix && own.startsWith(key));
}

/** @throws NarratorError bucket_not_allowed */
export function checkAllowedPlace(field: string, place: S3Place, rules: Rules): AllowedPlace {
  const allowed = allowedPlace(place, rules);
  if (allowed !== undefined) return allowed;
  const address = `s3://${place.bucket}/${place.key}`;
  throw new NarratorError('bucket_not_allowed', `${field}: ${address} is not in a place that jobs may use.`, { field });
}

/** Places for results that clients name. @throws NarratorError bucket_not_allowed */
export function checkResultsPlace(results: ResultsDestination, rules: Rules): void {
  if (results.kind === 's3') checkAllowedPlace('results', { bucket: results.bucket, key: results.prefix }, rules);
}
