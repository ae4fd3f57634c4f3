/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
import { NarratorError } from '../core/errors.ts';
import { sleep } from '../runtime/sleep.ts';
import { interrupted, jobPath, type ServerClient } from './client.ts';
import { isFinished, type ServerJob } from './client-job.ts';

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  /** of the last event that had one */
  readonly id: string | undefined;
}

/** A longer line is no event of ours. */
const LINE_CHARACTERS_MAX = 1024 * 1024;

export async function* parseEventStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  let type = '';
  let data: string[] = [];
  let id: string | undefined;
  for await (const line of linesOf(chunks)) {
    if (line === '') {
      if (data.length > 0) yield { type: type === '' ? 'message' : type, data: data.join('\n'), id };
      type = '';
      data = [];
      continue;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be the first half of a line's end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARACTERS_MAX)
      throw new NarratorError('server_unreachable', 'The stream of events has no lines.');
    yield* lines;
  }
}

/** Heartbeats come every 15 s. */
const SILENCE_MAX_MS = 45_000;
const POLL_MS = 2_000;

/**
 * A job as it goes on, until it is finished: the last one that is given is. The stream of events is taken up again where it
 * broke off, and between two connections the job is asked for: so it works as well where no stream comes through.
 * @throws NarratorError as ServerClient.send
 */
export async function* followJob(
  client: ServerClient,
  jobId: string,
  { signal, pollMs = POLL_MS }: { signal: AbortSignal; pollMs?: number },
): AsyncGenerator<ServerJob> {
  let lastEventId: string | undefined;
  for (;;) {
    const job = await client.job(jobId);
    yield job;
    if (isFinished(job)) return;
    const events = await open(lastEventId);
    if (events !== undefined) {
      try {
        for await (const { type, data, id } of parseEventStream(withoutSilence(events, SILENCE_MAX_MS))) {
          lastEventId = id ?? lastEventId;
          if (type === 'done') break;
          if (type === 'progress') yield JSON.parse(data) as ServerJob;
        }
        continue;
      } catch (thrown) {
        if (signal.aborted) throw interrupted();
        if (thrown instanceof SyntaxError)
          throw new NarratorError('server_unreachable', 'An event of the server is not JSON.');
        // The connection broke.
      }
    }
    await sleep(pollMs, signal);
    if (signal.aborted) throw interrupted();
  }

  /** Undefined where the server has no stream for us now. */
  async function open(lastId: string | undefined): Promise<ReadableStream<Uint8Array> | undefined> {
    const response = await client.send(jobPath(jobId, 'events'), {
      headers: { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) },
      takesAnyStatus: true,
    });
    const isStream = response.ok && response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (isStream && response.body !== null) return response.body;
    await response.body?.cancel();
    return undefined;
  }
}

/** The same bytes. @throws NarratorError server_unreachable when none come for `silenceMs` */
export async function* withoutSilence(
  stream: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let timer: NodeJS.Timeout | undefined;
  try {
    for (;;) {
      const silence = new Promise<never>((_resolve, reject) => {
        const error = new NarratorError('server_unreachable', `The server sent nothing for ${silenceMs / 1000} s.`);
        timer = setTimeout(() => reject(error), silenceMs);
      });
      const next = await Promise.race([reader.read(), silence]);
      clearTimeout(timer);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    // Ends the connection, also in the middle of a read.
    await reader.cancel().catch(() => undefined);
  }
}
