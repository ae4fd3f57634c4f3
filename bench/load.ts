/** A steady number of requests at a time, each sent as soon as the one before it is answered. */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly medianMs: number;
  /** 99 of 100 requests took at most this */
  readonly slowMs: number;
  readonly answers: readonly string[];
}

/** @throws Error on any answer that is no success: a server that refuses quickly is not fast */
export async function sendLoad(requests: readonly LoadRequest[], connections: number): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const waiting = requests.values();
  const timesMs: number[] = [];
  const answers: string[] = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (const one of waiting) {
        const sentAt = performance.now();
        answers.push(await answerTo(one, agent));
        timesMs.push(performance.now() - sentAt);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  agent.destroy();
  timesMs.sort((a, b) => a - b);
  const at = (share: number) => timesMs[Math.min(timesMs.length - 1, Math.floor(share * timesMs.length))]!;
  return { perSecond: requests.length / seconds, medianMs: at(0.5), slowMs: at(0.99), answers };
}

async function answerTo({ method, url, headers = {}, body }: LoadRequest, agent: Agent): Promise<string> {
  const sent = request(url, { method, headers, agent });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  const answer = await text(response);
  if (response.statusCode >= 300) throw new Error(`${method} ${url}: ${response.statusCode} ${answer.slice(0, 300)}`);
  return answer;
}
