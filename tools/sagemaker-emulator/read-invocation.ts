/**
 * InvokeEndpointAsync as a client sends it: limits and patterns of
 * https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { validationError } from './service-error.ts';

export const BODY_BYTES_MAX = 128_000;

/** A request that was accepted. */
export interface Invocation {
  readonly inferenceId: string;
  /** the bytes themselves, or where they lie: s3://… or https://… */
  readonly input: Buffer | string;
  /** s3:// */
  readonly outputLocation: string;
  readonly failureLocation: string | undefined;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly customAttributes: string | undefined;
  /** RequestTTLSeconds: the longest time in the queue */
  readonly ttlSeconds: number;
  /** InvocationTimeoutSeconds: the longest time in the container */
  readonly timeoutSeconds: number;
  readonly receivedAt: Date;
}

/** Where results go: s3:// locations with or without a slash at the end. */
export interface OutputPaths {
  readonly outputPath: string;
  readonly failurePath: string | undefined;
}

interface TextField {
  readonly header: string;
  readonly min: number;
  readonly max: number;
  readonly pattern: RegExp;
}

/** By the names that AWS uses in its messages. */
const TEXTS = {
  inputLocation: {
    header: 'x-amzn-sagemaker-inputlocation',
    min: 1,
    max: 1024,
    pattern: /^(https|s3):\/\/([^/]+)\/?(.*)$/,
  },
  contentType: { header: 'x-amzn-sagemaker-content-type', min: 0, max: 1024, pattern: /^[\x00-\x7f]*$/ },
  accept: { header: 'x-amzn-sagemaker-accept', min: 0, max: 1024, pattern: /^[\x00-\x7f]*$/ },
  customAttributes: { header: 'x-amzn-sagemaker-custom-attributes', min: 0, max: 1024, pattern: /^[\x20-\x7e]*$/ },
  inferenceId: { header: 'x-amzn-sagemaker-inference-id', min: 1, max: 64, pattern: /^\S[\x20-\x7e]*$/ },
  s3OutputPathExtension: {
    header: 'x-amzn-sagemaker-s3outputpathextension',
    min: 1,
    max: 512,
    pattern: /^(?!s3:|https:)[a-zA-Z0-9!_.*'/-]+$/,
  },
  filename: {
    header: 'x-amzn-sagemaker-filename',
    min: 1,
    max: 32,
    pattern: /^(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9\-_.]*$/,
  },
} as const satisfies Record<string, TextField>;

/** Minimum, maximum, and what AWS takes where none is given. */
const NUMBERS = {
  requestTTLSeconds: { header: 'x-amzn-sagemaker-requestttlseconds', min: 60, max: 21_600, initial: 21_600 },
  invocationTimeoutSeconds: {
    header: 'x-amzn-sagemaker-invocationtimeoutseconds',
    min: 1,
    max: 3_600,
    initial: 900,
  },
} as const;

/**
 * @param body its first BODY_BYTES_MAX + 1 bytes at least
 * @throws ServiceError ValidationError
 */
export function readInvocation(headers: IncomingHttpHeaders, body: Buffer, paths: OutputPaths): Invocation {
  const given = headers[TEXTS.inputLocation.header] !== undefined;
  if (given === body.length > 0) {
    throw validationError(
      given
        ? 'Only one of InputLocation and Body can be given, and there are both.'
        : 'One of InputLocation and Body must be given, and there is neither.',
    );
  }
  if (body.length > BODY_BYTES_MAX) {
    throw validationError(`Body must have at most ${BODY_BYTES_MAX} bytes. A larger one goes to S3, as InputLocation.`);
  }
  const texts = Object.fromEntries(
    Object.keys(TEXTS).map((name) => [name, readText(name as keyof typeof TEXTS, headers)]),
  ) as Record<keyof typeof TEXTS, string | undefined>;
  const { inputLocation, contentType, accept, customAttributes, inferenceId, s3OutputPathExtension, filename } = texts;
  // Not the InferenceId: with AWS the two differ, and nobody may compute the one from the other.
  const name = randomUUID();
  const extension = s3OutputPathExtension === undefined ? [] : [s3OutputPathExtension];
  return {
    inferenceId: inferenceId ?? randomUUID(),
    input: inputLocation ?? body,
    outputLocation: joined(paths.outputPath, ...extension, filename ?? `${name}.out`),
    failureLocation: paths.failurePath === undefined ? undefined : joined(paths.failurePath, `${name}-error.out`),
    ...{ contentType, accept, customAttributes },
    ttlSeconds: readNumber('requestTTLSeconds', headers),
    timeoutSeconds: readNumber('invocationTimeoutSeconds', headers),
    receivedAt: new Date(),
  };
}

function readText(name: keyof typeof TEXTS, headers: IncomingHttpHeaders): string | undefined {
  const { header, min, max, pattern } = TEXTS[name];
  const value = headers[header]?.toString();
  if (value === undefined) return undefined;
  if (value.length < min) throw constraint(name, value, `have length greater than or equal to ${min}`);
  if (value.length > max) throw constraint(name, value, `have length less than or equal to ${max}`);
  if (!pattern.test(value)) throw constraint(name, value, `satisfy regular expression pattern: ${pattern.source}`);
  return value;
}

function readNumber(name: keyof typeof NUMBERS, headers: IncomingHttpHeaders): number {
  const { header, min, max, initial } = NUMBERS[name];
  const text = headers[header]?.toString();
  if (text === undefined) return initial;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < min) throw constraint(name, text, `have value greater than or equal to ${min}`);
  if (value > max) throw constraint(name, text, `have value less than or equal to ${max}`);
  return value;
}

const constraint = (name: string, value: string, rule: string) =>
  validationError(
    `1 validation error detected: Value '${value.slice(0, 100)}' at '${name}' failed to satisfy constraint: Member must ${rule}`,
  );

const joined = (base: string, ...parts: string[]) =>
  [base, ...parts].map((part) => part.replace(/^\/+|\/+$/g, '')).join('/');
