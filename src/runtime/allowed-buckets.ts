/** Which places in S3 a job may name, for its manifest and for its results: the server's credentials reach more than clients should. */
import { NarratorError } from '../core/errors.ts';
import type { Config } from './config.ts';

/**
 * Whether `key` (an object, or a prefix that ends in '/') lies in a place of NARRATOR_BUCKETS. The deployment's own store is
 * none: who names it could read and write other people's jobs.
 */
export function isAllowedPlace(bucket: string, key: string, { buckets }: Pick<Config, 'buckets'>): boolean {
  return buckets.some((allowed) => {
    const [name, ...prefix] = allowed.split('/');
    const folder = prefix.join('/').replace(/\/+$/, '');
    return name === bucket && (folder === '' || key === folder || key.startsWith(`${folder}/`));
  });
}

/** @throws NarratorError bucket_not_allowed */
export function checkAllowedPlace(
  field: string,
  { bucket, key }: { bucket: string; key: string },
  config: Pick<Config, 'buckets'>,
): void {
  if (isAllowedPlace(bucket, key, config)) return;
  throw new NarratorError('bucket_not_allowed', `s3://${bucket}/${key} is not in a place that jobs may use.`, {
    field,
  });
}
