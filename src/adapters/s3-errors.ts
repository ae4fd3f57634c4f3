/** Errors of S3 and of the way to it in the project's words: by their names, statuses and codes, never by their text. */
import { NarratorError } from '../core/errors.ts';

/** Where the objects are, for messages and hints. */
export interface S3Address {
  readonly bucket: string;
  /** 'https://s3.example.com', or the region of Amazon's own */
  readonly at: string;
}

/** What was tried: 'The object jobs/x/job.json' could not be 'read', for which one needs 's3:GetObject'. */
export interface S3Attempt {
  readonly what: string;
  readonly verb: string;
  readonly permission: string;
}

interface Facts {
  readonly name: string;
  readonly status: number | undefined;
  /** of the socket: ECONNREFUSED */
  readonly code: string | undefined;
  /** requests sent, the SDK's own retries included */
  readonly attempts: number;
}

interface S3Failure extends Error {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

function factsOf(thrown: unknown): Facts {
  if (!(thrown instanceof Error)) return { name: '', status: undefined, code: undefined, attempts: 1 };
  const { name, code, $metadata } = thrown as S3Failure;
  return {
    name,
    status: $metadata?.httpStatusCode,
    code: typeof code === 'string' ? code : undefined,
    attempts: $metadata?.attempts ?? 1,
  };
}

// ---------------------------------------------------------------- answers that are no failures

/** There is no such object. A HEAD has no body to name its error: a bucket that is gone looks the same there. */
export function isAbsent(thrown: unknown): boolean {
  const { name, status } = factsOf(thrown);
  return status === 404 && name !== 'NoSuchBucket' && name !== 'NoSuchUpload';
}

/** It may not be read; or there is no such object, and whoever asks may not list the bucket. */
export const isForbidden = (thrown: unknown): boolean => factsOf(thrown).status === 403;

/** The range begins behind the object's end. */
export const isBehindEnd = (thrown: unknown): boolean => factsOf(thrown).status === 416;

/** A condition does not hold. */
export const isRefusedByCondition = (thrown: unknown): boolean => factsOf(thrown).status === 412;

/** Two conditional writes met, and S3 wants this one again (ConditionalRequestConflict, OperationAborted). */
export const isConflict = (thrown: unknown): boolean => factsOf(thrown).status === 409;

/** The answer to an earlier attempt may have been lost: it may have succeeded. */
export const wasRetried = (thrown: unknown): boolean => factsOf(thrown).attempts > 1;

/** The upload was completed or aborted before. */
export const isUploadGone = (thrown: unknown): boolean => factsOf(thrown).name === 'NoSuchUpload';

// ---------------------------------------------------------------- failures

const BAD_CREDENTIALS = ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidToken', 'InvalidSecurity'];
const OTHER_REGION = ['PermanentRedirect', 'TemporaryRedirect', 'AuthorizationHeaderMalformed'];
const FULL = ['QuotaExceeded', 'XMinioStorageFull'];
const TIMEOUTS = ['TimeoutError', 'RequestTimeout'];

/**
 * @returns store_unavailable (retryable or not), store_full, store_unsafe for a store that does not know the request, cancelled.
 * @throws what did not come from S3 or the network, as it is: a defect
 */
export function s3Error(
  thrown: unknown,
  { bucket, at }: S3Address,
  { what, verb, permission }: S3Attempt,
): NarratorError {
  if (thrown instanceof NarratorError) return thrown;
  const { name, status, code, attempts } = factsOf(thrown);
  const options = { cause: thrown };
  if (name === 'AbortError') return new NarratorError('cancelled', `${what} was interrupted.`, {}, options);
  const isTimeout = TIMEOUTS.includes(name);
  if (status === undefined && code === undefined && !isTimeout && name !== 'CredentialsProviderError') throw thrown;

  const reason = [code ?? name, status === undefined ? '' : `HTTP ${status}`].filter((part) => part !== '').join(', ');
  const tried = attempts > 1 ? ` after ${attempts} attempts` : '';
  const message = `${what} could not be ${verb}${tried} (${reason}; bucket ${bucket} at ${at}).`;
  const final = (hint: string) => new NarratorError('store_unavailable', message, { retryable: false, hint }, options);
  const passing = (hint: string) => new NarratorError('store_unavailable', message, { retryable: true, hint }, options);

  if (name === 'NoSuchBucket')
    return final(`Create the bucket ${bucket} at ${at}, or correct its name or the endpoint.`);
  if (BAD_CREDENTIALS.includes(name)) return final(`Correct the access key and secret with which ${at} is used.`);
  if (name === 'CredentialsProviderError') return passing(`Give an access key and secret, or a role, for ${at}.`);
  if (name === 'ExpiredToken') return passing(`Renew the temporary credentials for ${at}.`);
  if (name === 'RequestTimeTooSkewed') return final("Set this machine's clock: its requests carry the wrong time.");
  if (OTHER_REGION.includes(name) || status === 301) return final(`Name the region in which the bucket ${bucket} is.`);
  if (status === 507 || FULL.includes(name)) return new NarratorError('store_full', message, {}, options);
  if (status === 501) return new NarratorError('store_unsafe', message, {}, options);
  if (status === 401 || status === 403) {
    return final(
      `Allow ${permission} on the bucket ${bucket} at ${at}, s3:ListBucket too (without it S3 answers 403 for what is not there), and the use of its encryption key.`,
    );
  }
  const isOurMistake = status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (isOurMistake && !isTimeout && !isConflict(thrown) && !isUploadGone(thrown)) {
    return final(`See what ${at} says to ${permission} on the bucket ${bucket}.`);
  }
  return passing(`Check ${at} and the network to it; it is tried again.`);
}
