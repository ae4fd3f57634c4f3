/** Why an invocation came to nothing, in the project's words. What a container says is not trusted: bounded, and never what decides. */
import { z } from 'zod';
import { ERRORS, type ErrorCode, NarratorError } from '../core/errors.ts';

export interface FailureEvidence {
  readonly shardId: string;
  readonly endpointName: string;
  /** of the container's answer; 0: there was none; undefined: unknown */
  readonly status: number | undefined;
  /** the beginning of the failure object */
  readonly body: Uint8Array | undefined;
}

const DETAIL_CHARACTERS_MAX = 300;

/** What a container of ours answers: RFC 9457 with our code (api/problem.ts). */
const problemSchema = z.object({
  status: z.int().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
  code: z
    .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
    .optional()
    .catch(undefined),
});

/**
 * A status of 4xx: the shard itself cannot be done there, not retryable. Everything else may go better elsewhere: an error of the
 * container, no answer, a time-out, and what nobody explains.
 */
export function failureOf({ shardId, endpointName, status: told, body }: FailureEvidence): NarratorError {
  const { status = told, detail, code } = problemIn(body);
  const answer = told ?? status;
  const isRefused = answer !== undefined && answer >= 400 && answer < 500 && ![408, 425, 429].includes(answer);
  const said = detail === undefined ? '' : `: ${printable(detail)}`;
  const what =
    answer === undefined
      ? 'failed'
      : answer === 0
        ? 'got no answer (its container crashed, was ended or took too long)'
        : `was answered with ${answer}`;
  const message = `The invocation of ${shardId} at the endpoint ${endpointName} ${what}${said}`;
  return new NarratorError(code ?? (isRefused ? 'internal' : 'engine_crashed'), message.replace(/\.?$/, '.'), {
    retryable: !isRefused,
    ...(code === undefined && isRefused && { hint: "Look at the endpoint's logs for what it objects to." }),
  });
}

function problemIn(body: Uint8Array | undefined): z.infer<typeof problemSchema> {
  try {
    const text = new TextDecoder().decode(body);
    return problemSchema.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}

/** On one line, without what a terminal obeys. */
function printable(text: string): string {
  const bounded = [...text.slice(0, 2 * DETAIL_CHARACTERS_MAX)].slice(0, DETAIL_CHARACTERS_MAX).join('');
  return bounded.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, ' ').trim();
}
