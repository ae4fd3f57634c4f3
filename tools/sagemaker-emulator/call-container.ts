/** One POST /invocations, and what the platform makes of the answer. */
import { request, type Agent, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';

/** https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html */
const RESPONSE_BYTES_MAX = 1_000_000_000;
/** All of them together: https://github.com/aws/deep-learning-containers/issues/4668 */
const RESPONSE_HEADER_BYTES_MAX = 4_096;
/** What Node reads, so that the platform's own limit is the one that is met. */
const READABLE_HEADER_BYTES = 256 * 1024;

const SEE_LOGS = 'See the SageMaker Endpoint logs in your account for more information.';

export type Answer =
  | { readonly kind: 'success'; readonly contentType: string | undefined; readonly body: Buffer }
  /** `status` 0: there was no answer, or none that the platform takes. `body`: what the container said, if it said anything */
  | { readonly kind: 'failure'; readonly status: number; readonly reason: string; readonly body?: Buffer };

export interface ContainerCall {
  readonly url: string;
  readonly agent: Agent;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  readonly timeoutMs: number;
  /** the instance is gone */
  readonly signal: AbortSignal;
  readonly strictHeaders: boolean;
}

/** A connection that breaks and an answer that does not come in time look the same from outside. */
export const NO_ANSWER: Answer = answered(0);

export function answered(status: number, body?: Buffer): Answer {
  const side = status >= 400 && status < 500 ? 'client' : 'server';
  const reason = `ClientError: Received ${side} error (${status}) from model. ${SEE_LOGS}`;
  return { kind: 'failure', status, reason, ...(body !== undefined && { body }) };
}

/** Never rejects. */
export async function callContainer(call: ContainerCall): Promise<Answer> {
  const { timeoutMs, signal, strictHeaders } = call;
  const cut = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const response = await post(call, cut);
    const { statusCode = 0, headers } = response;
    const body = await read(response);
    if (statusCode < 200 || statusCode >= 300) return answered(statusCode, body);
    if (strictHeaders && headers['content-length'] === undefined) {
      return refused('The response from container primary did not specify the required Content-Length header');
    }
    if (strictHeaders && headerBytes(response) > RESPONSE_HEADER_BYTES_MAX) {
      return refused(
        `Response received from the primary container has headers with length greater than ${RESPONSE_HEADER_BYTES_MAX} bytes.`,
      );
    }
    return { kind: 'success', contentType: headers['content-type'], body };
  } catch {
    return NO_ANSWER;
  }
}

function post({ url, agent, headers, body }: ContainerCall, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, signal, maxHeaderSize: READABLE_HEADER_BYTES };
    request(`${url}/invocations`, { ...options, headers: { ...headers, 'content-length': body.length } })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > RESPONSE_BYTES_MAX) throw new Error('The response is too long.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** As they came over the wire: `name: value` and the end of the line. */
const headerBytes = ({ rawHeaders }: IncomingMessage) =>
  rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text, 'latin1') + 2, 0);

const refused = (reason: string): Answer => ({ kind: 'failure', status: 0, reason: `ClientError: ${reason}` });
