/** Where a sentence becomes speech. Each function here resolves to a WAV file, or rejects with what went wrong. */
import { setTimeout as delay } from 'node:timers/promises';

/** @typedef {(text: string, signal: AbortSignal) => Promise<Uint8Array>} Speak */

const TIMEOUT_MS = 120_000;
const ATTEMPTS = 4;
const RETRY_DELAY_MS = 1_000;
const RETRY_AFTER_MAX_MS = 30_000;
/** too many requests, and answers of a server that is just being restarted */
const PASSING_STATUSES = [429, 502, 503, 504];

/**
 * An f5-narrator server: `POST /tts`.
 * @param {{ url: string, apiKey?: string, voice?: string, speed?: number }} options
 * @returns {Speak}
 */
export function narratorSpeech({ url, apiKey, voice, speed }) {
  return async (text, signal) => {
    const request = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'audio/wav',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ text, voice, speed }),
    };
    for (let attempt = 1; ; attempt += 1) {
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(`${url}/tts`, { ...request, signal: AbortSignal.any([signal, timeout]) });
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      const reason = await problemOf(response);
      if (attempt === ATTEMPTS || !PASSING_STATUSES.includes(response.status)) throw new Error(reason);
      const askedMs = Number(response.headers.get('retry-after') ?? 0) * 1000;
      await delay(Math.min(askedMs || RETRY_DELAY_MS * attempt, RETRY_AFTER_MAX_MS), undefined, { signal });
    }
  };
}

/** @param {Response} response */
async function problemOf(response) {
  const body = await response.text();
  try {
    const { code, detail, hint } = JSON.parse(body);
    return `${response.status} ${code}: ${detail} ${hint}`;
  } catch {
    return `${response.status} ${body.slice(0, 200)}`;
  }
}

/**
 * The container behind a real-time endpoint of SageMaker: the same request by InvokeEndpoint. It has 60 seconds to answer. Region
 * and credentials are found as the AWS SDK finds them.
 * @param {{ endpoint: string, voice?: string, speed?: number }} options
 * @returns {Promise<Speak>}
 */
export async function sageMakerSpeech({ endpoint, voice, speed }) {
  const { InvokeEndpointCommand, SageMakerRuntimeClient } = await import('@aws-sdk/client-sagemaker-runtime');
  const client = new SageMakerRuntimeClient({ maxAttempts: ATTEMPTS });
  return async (text, signal) => {
    const command = new InvokeEndpointCommand({
      EndpointName: endpoint,
      ContentType: 'application/json',
      Accept: 'audio/wav',
      Body: JSON.stringify({ text, voice, speed }),
    });
    const { Body } = await client.send(command, { abortSignal: signal });
    return Body;
  };
}
