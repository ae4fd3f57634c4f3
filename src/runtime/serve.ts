/** The HTTP interface over a narrator in this process: nothing else to start. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createApp } from '../api/app.ts';
import { CLIP_BYTES_MAX, type TtsRequest } from '../api/speech-request.ts';
import { NarratorError, toNarratorError } from '../core/errors.ts';
import { PACKAGE_ROOT } from './model-places.ts';
import type { Log, Narrator } from './narrator.ts';
import { referenceClip } from './reference-clip.ts';

export interface ServeOptions {
  /** loopback only, until keys exist: anybody who reaches it may use it */
  readonly host: string;
  /** 0: any free one */
  readonly port: number;
  /** folder below which `ref_audio` may name files */
  readonly clipsFolder?: string;
  /** hosts from which clips may be fetched although they are not public */
  readonly allowHosts?: readonly string[];
  readonly log: Log;
}

export interface RunningServer {
  readonly url: string;
  /** Stops accepting, lets running answers finish within `graceMs`, then breaks them off. Idempotent. */
  close(graceMs: number): Promise<void>;
}

/** Texts spoken at once: a few fill the batches of any engine, more only wait. */
const SPEECHES_MAX = 32;
/** On loopback, where nobody else asks. */
const REQUESTS_PER_MINUTE = 100_000;
/** Sent in full within this time, or the connection is closed: slow senders must not hold sockets. */
const REQUEST_TIMEOUT_MS = 60_000;

/** @throws NarratorError config_invalid: a host that is not loopback, a port that is taken */
export async function serve(narrator: Narrator, options: ServeOptions): Promise<RunningServer> {
  const { host, port, clipsFolder, allowHosts = [], log } = options;
  if (!isLoopback(host)) {
    throw new NarratorError(
      'config_invalid',
      `The host is ${host}; without API keys the server listens on loopback (127.0.0.1, ::1, localhost) only.`,
      {
        field: 'host',
        hint: 'Put a proxy that authenticates in front of it.',
      },
    );
  }
  const { description, digest } = narrator.model;
  let notReady: string | undefined = 'The model is being loaded.';
  const starting = narrator.start().then(
    () => (notReady = undefined),
    (thrown: unknown) => (notReady = toNarratorError(thrown).message),
  );
  const app = createApp({
    speak: (request, signal) => speak(narrator, request, { clipsFolder, allowHosts, signal }),
    listVoices: () => narrator.voices.list(),
    model: { id: description.id, digest, languages: description.languages, licence: description.licence.name },
    notReady: () => notReady,
    version: (JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string }).version,
    speechesMax: SPEECHES_MAX,
    keys: { required: false, verify: () => Promise.resolve(undefined) },
    requestsPerMinute: REQUESTS_PER_MINUTE,
    corsOrigins: [],
    log,
  });
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: 15_000 }, app);
  await listening(server, host, port);
  const address = server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${shown}:${address.port}`,
    close: (graceMs) =>
      (closed ??= close(server, graceMs)
        .then(() => starting)
        .then(() => undefined)),
  };
}

async function speak(
  narrator: Narrator,
  request: TtsRequest,
  {
    clipsFolder,
    allowHosts,
    signal,
  }: { clipsFolder: string | undefined; allowHosts: readonly string[]; signal: AbortSignal },
) {
  const { text, ref_audio: refAudio, ref_text: refText, ...options } = request;
  const { language } = options;
  let { voice } = options;
  if (refAudio !== undefined && refText !== undefined) {
    const audio = await referenceClip(refAudio, { maxBytes: CLIP_BYTES_MAX, folder: clipsFolder, allowHosts, signal });
    voice = (await narrator.voices.borrow({ audio, text: refText, ...(language !== undefined && { language }) })).id;
  }
  return narrator.speakToMemory(text, { ...options, ...(voice !== undefined && { voice }), signal });
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new NarratorError(
          'config_invalid',
          `${host}:${port} cannot be listened on (${cause.code}).`,
          { field: 'port', hint: 'Choose another port.' },
          { cause },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
