/**
 * What SageMaker asks of a container: GET /ping and POST /invocations
 * (docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html). An invocation is a shard of a job or a text that is
 * spoken at once; its content type says which. Every answer has a Content-Length: chunked ones are refused by the platform.
 */
import { type Express, json, type Request, type RequestHandler, type Response } from 'express';
import { type ErrorCode, NarratorError, toNarratorError } from '../core/errors.ts';
import { checkKey, JOB_ID, shardNumber } from '../core/keys.ts';
import type { ShardHints } from '../core/process-shard.ts';
import type { ShardRecord } from '../core/record.ts';
import { type ShardPlan, shardPlanSchema } from '../core/shard.ts';
import { sendProblem } from './problem.ts';
import { answerSpeech, speechesAtOnce, type SpeechDeps } from './routes-speech.ts';
import { shardReceipt, type ShardStatus } from './shard-receipt.ts';
import { parseRequest, SPEECH_BYTES_MAX } from './speech-request.ts';

export interface InvocationsDeps extends Pick<SpeechDeps, 'speak' | 'speechesMax'> {
  /** why it takes no work; undefined when it does */
  readonly notReady: () => NarratorError | undefined;
  /**
   * Resolves once the shard has its record, whether or not the caller still waits.
   * @throws NarratorError as of processShard; too_many_requests
   */
  readonly doShard: (
    shard: ShardPlan,
    hints: ShardHints,
  ) => Promise<{ readonly status: ShardStatus; readonly record: ShardRecord }>;
}

export const SHARD_TYPE = 'application/vnd.f5-narrator.shard+json';
const TEXT_TYPE = 'application/json';

/**
 * Plans have some ten to a hundred kilobytes. The largest that the planner makes, of 512 items with as much metadata as they may have, each
 * character of it escaped, has 30 MB.
 */
export const SHARD_BYTES_MAX = 64 * 1024 * 1024;

export function addInvocationRoutes(app: Express, deps: InvocationsDeps): void {
  const speech = answerSpeech(deps.speak, speechesAtOnce(deps.speechesMax));
  const whenReady: RequestHandler = (_request, _response, next) => next(deps.notReady());
  const shardBody = json({ limit: SHARD_BYTES_MAX, type: SHARD_TYPE });
  const textBody = json({ limit: SPEECH_BYTES_MAX, type: TEXT_TYPE });

  app.post('/tts', whenReady, expectType([TEXT_TYPE]), textBody, speech);
  app.post(
    '/invocations',
    answerTwoKinds,
    whenReady,
    expectType([SHARD_TYPE, TEXT_TYPE]),
    echoAttributes,
    shardBody,
    textBody,
    async (request: Request, response: Response) => {
      if (request.is(SHARD_TYPE) === false) return speech(request, response);
      const shard = parseShard(request.body);
      const { attempt, ...hints } = hintsOf(request.get(ATTRIBUTES));
      const { status, record } = await deps.doShard(shard, hints);
      response.json(shardReceipt(record, { attempt, status }));
    },
  );
}

/** Stands before whatever names or logs requests: it is asked every few seconds, for ever. */
export function addPing(app: Express, { notReady }: Pick<InvocationsDeps, 'notReady'>): void {
  app.get('/ping', (_request, response) => void response.status(notReady() === undefined ? 200 : 503).end());
}

function expectType(types: string[]): RequestHandler {
  return (request, _response, next) => {
    if (typeof request.is(types) === 'string') return next();
    const message = `The content-type must be ${types.join(' or ')}, and the body JSON.`;
    next(new NarratorError('request_invalid', message, { field: 'content-type' }));
  };
}

/** Whoever may call could write into any job that there is, but not beside it. @throws NarratorError request_invalid, key_invalid */
function parseShard(body: unknown): ShardPlan {
  const shard = parseRequest(shardPlanSchema, body);
  const field = !JOB_ID.test(shard.jobId) ? 'jobId' : shardNumber(shard.shardId) === undefined ? 'shardId' : undefined;
  if (field !== undefined) {
    throw new NarratorError('request_invalid', `${field} is no name that the ledger gives.`, { field });
  }
  for (const [at, { output }] of shard.parts.entries()) {
    try {
      checkKey(output);
    } catch (thrown) {
      throw toNarratorError(thrown).with({ field: `parts.${at}.output` });
    }
  }
  return shard;
}

// ---------------------------------------------------------------- custom attributes: what is not in the plan

const ATTRIBUTES = 'x-amzn-sagemaker-custom-attributes';
/** https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html */
const ATTRIBUTES_CHARACTERS_MAX = 1024;

/** The caller gets back what the container repeats, and nothing else. */
const echoAttributes: RequestHandler = (request, response, next) => {
  const attributes = request.get(ATTRIBUTES);
  if (attributes !== undefined && /^[\x20-\x7e]*$/.test(attributes) && attributes.length <= ATTRIBUTES_CHARACTERS_MAX) {
    response.setHeader(ATTRIBUTES, attributes);
  }
  next();
};

/** 'attempt=2;last=false;job=2026-01-01T00:00:00.000Z'. What cannot be read is the first attempt, not the last, and of whatever job there is. */
function hintsOf(attributes = ''): ShardHints & { attempt: number } {
  const [, attempt = '1'] = /(?:^|;) *attempt=([1-9]\d{0,5}) *(?:;|$)/.exec(attributes) ?? [];
  const [, jobCreatedAt] = /(?:^|;) *job=([0-9TZ:.-]{20,30}) *(?:;|$)/.exec(attributes) ?? [];
  return {
    attempt: Number(attempt),
    lastAttempt: /(?:^|;) *last=true *(?:;|$)/.test(attributes),
    ...(jobCreatedAt !== undefined && { jobCreatedAt }),
  };
}

// ---------------------------------------------------------------- errors

/** Codes that say nothing about what was asked for: another instance may do it. */
const OF_THIS_INSTANCE: readonly ErrorCode[] = [
  'internal',
  'config_invalid',
  'store_unsafe',
  'model_invalid',
  'provider_unavailable',
];

/** The platform's callers tell two kinds apart. 4xx: it will never do. 5xx: try again, elsewhere. */
const answerTwoKinds: RequestHandler = (_request, response, next) => {
  response.locals['send'] = (to: Response, error: NarratorError) => {
    sendProblem(to, error, error.retryable ? 503 : OF_THIS_INSTANCE.includes(error.code) ? 500 : 400);
  };
  next();
};
