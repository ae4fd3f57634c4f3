/** Errors as HTTP answers: RFC 9457 problem documents with our own stable codes. One exhaustive map, and no other place decides a status. */
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { type ErrorCode, NarratorError, toNarratorError } from '../core/errors.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  usage: 400,
  config_invalid: 500,
  request_invalid: 400,
  route_not_found: 404,
  manifest_invalid: 400,
  manifest_too_large: 413,
  encoding_invalid: 400,
  item_invalid: 400,
  item_duplicate: 400,
  text_empty: 422,
  text_too_long: 413,
  text_unspeakable: 422,
  text_file_unreadable: 400,
  book_invalid: 422,
  voice_not_found: 404,
  voice_invalid: 422,
  audio_undecodable: 422,
  key_invalid: 400,
  fetch_refused: 422,
  fetch_failed: 502,
  api_key_missing: 401,
  api_key_invalid: 401,
  scope_missing: 403,
  bucket_not_allowed: 403,
  manifest_not_found: 404,
  subscription_invalid: 400,
  delivery_failed: 502,
  server_unreachable: 502,
  too_many_requests: 429,
  job_not_found: 404,
  job_conflict: 409,
  cancelled: 409,
  model_not_found: 404,
  model_invalid: 500,
  model_mismatch: 409,
  provider_unavailable: 503,
  download_failed: 502,
  checksum_mismatch: 500,
  engine_crashed: 503,
  engine_timeout: 504,
  engine_stopped: 503,
  out_of_memory: 503,
  segment_crashes_engine: 422,
  shard_abandoned: 500,
  waveform_invalid: 422,
  store_unavailable: 503,
  store_full: 507,
  store_busy: 409,
  queue_unavailable: 503,
  store_unsafe: 500,
  ledger_corrupt: 500,
  internal: 500,
};

/** Seconds that a client waits before it tries something retryable again. */
const RETRY_AFTER_SECONDS = 5;

export function statusOf(error: NarratorError): number {
  return STATUS[error.code];
}

/** What express and its body parser throw carries a status and a type; never match their messages. */
export function fromHttpError(thrown: unknown): NarratorError {
  const { status, type } = (thrown ?? {}) as { status?: unknown; type?: unknown };
  // The command line's word for a wrong request; here there is one.
  if (thrown instanceof NarratorError && thrown.code === 'usage')
    return new NarratorError('request_invalid', thrown.message, thrown.details, { cause: thrown });
  if (thrown instanceof NarratorError || typeof status !== 'number' || status >= 500) return toNarratorError(thrown);
  if (type === 'entity.too.large') {
    const { limit } = thrown as { limit?: number };
    return new NarratorError('request_invalid', `The body is larger than ${limit} bytes.`, {
      field: 'body',
      ...(limit !== undefined && { limit }),
    });
  }
  if (type === 'entity.parse.failed')
    return new NarratorError('request_invalid', 'The body is not valid JSON.', { field: 'body' });
  if (type === 'encoding.unsupported')
    return new NarratorError('request_invalid', 'The header Content-Encoding must be gzip, deflate, br or left out.', {
      field: 'content-encoding',
    });
  if (type === 'charset.unsupported')
    return new NarratorError('request_invalid', 'The body must be in UTF-8, and Content-Type must say nothing else.', {
      field: 'content-type',
    });
  return new NarratorError('request_invalid', 'The request cannot be read.', { field: 'body' });
}

/** As RFC 9457 has it. Routes that break off a stream themselves use it as well. */
export function sendProblem(response: Response, error: NarratorError, status = statusOf(error)): void {
  allowRetry(response, error);
  const { code, hint, message: _message, ...place } = error.toRecord();
  response
    .status(status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `urn:f5-narrator:error:${code}`,
        title: code,
        status,
        detail: shown(error),
        hint,
        ...place,
        code,
        instance: response.locals['requestId'] as string,
      }),
    );
}

/** As OpenAI's clients read errors: {error: {message, type, param, code}}. */
function sendOpenAiError(response: Response, error: NarratorError, status: number): void {
  allowRetry(response, error);
  response.status(status).json({
    error: {
      message: `${shown(error)} ${error.hint}`,
      type: status < 500 ? 'invalid_request_error' : 'server_error',
      param: error.details.field ?? null,
      code: error.code,
    },
  });
}

/** What is inside stays inside: the log has it, under the request's id. */
function shown({ code, message }: NarratorError): string {
  return code === 'internal' ? 'Something unexpected happened.' : message;
}

function allowRetry(response: Response, { retryable }: NarratorError): void {
  if (retryable && !response.hasHeader('retry-after')) response.setHeader('retry-after', String(RETRY_AFTER_SECONDS));
}

/** Errors of whatever lies behind are answered in OpenAI's form, those of keys and limits too. */
export const answerAsOpenAi: RequestHandler = (_request, response, next) => {
  response.locals['send'] = sendOpenAiError;
  next();
};

/** What is received up to a limit: bodies, and the file of a form. */
const RECEIVED = ['body', 'audio'];

function isTooLarge({ code, details: { field, limit } }: NarratorError): boolean {
  return code === 'request_invalid' && limit !== undefined && field !== undefined && RECEIVED.includes(field);
}

/** The last middleware. `report` hears of every error; answers that have begun can only be broken off. */
export function problemHandler(report: (error: NarratorError, requestId: string) => void): ErrorRequestHandler {
  return (thrown: unknown, _request, response, _next) => {
    const error = fromHttpError(thrown);
    report(error, response.locals['requestId'] as string);
    if (response.headersSent) return void response.destroy();
    const send = (response.locals['send'] as typeof sendOpenAiError | undefined) ?? sendProblem;
    send(response, error, isTooLarge(error) ? 413 : statusOf(error));
  };
}
