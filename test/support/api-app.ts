/** The app behind a port, with stand-ins for everything that a test does not care for. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ApiDeps, createApp } from '../../src/api/app.ts';
import { encodeMp3 } from '../../src/audio/encode-mp3.ts';

/** Open to everybody, with one voice and nothing to say. */
export function apiDeps(overrides: Partial<ApiDeps> = {}): ApiDeps {
  return {
    keys: { required: false, verify: () => Promise.resolve(undefined) },
    requestsPerMinute: 10_000,
    corsOrigins: [],
    speak: () => Promise.reject(new Error('This test speaks nothing.')),
    speechesMax: 2,
    encodeMp3,
    listVoices: () =>
      Promise.resolve([
        { id: 'slt', version: 'v', language: 'en', transcript: 'Hello. ', promptSamples: 1, sourceRms: 0.1 },
      ]),
    model: { id: 'tiny', digest: 'd', languages: ['en'], licence: 'MIT' },
    notReady: () => undefined,
    version: '1.2.3',
    log: () => undefined,
    ...overrides,
  };
}

export interface ServedApp {
  readonly url: string;
  close(): void;
}

export async function serveApp(overrides: Partial<ApiDeps> = {}): Promise<ServedApp> {
  const server = createServer(createApp(apiDeps(overrides)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Problem {
  readonly code: string;
  readonly field?: string;
  readonly limit?: number;
  readonly retryable: boolean;
  readonly hint: string;
  readonly detail: string;
  readonly instance: string;
}
