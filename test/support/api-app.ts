/** The app behind a port, with stand-ins for everything that a test does not care for. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ApiDeps, createApp } from '../../src/api/app.ts';
import { MemoryStore } from '../../src/adapters/store-memory.ts';
import type { JobsDeps } from '../../src/api/routes-jobs.ts';
import type { NotificationsDeps } from '../../src/api/routes-notifications.ts';
import { encodeMp3 } from '../../src/audio/encode-mp3.ts';
import { JobQueue } from '../../src/core/list-jobs.ts';
import { JobReader } from '../../src/core/read-job.ts';

/** Open to everybody, with one voice and nothing to say. */
export function apiDeps(overrides: Partial<ApiDeps> = {}): ApiDeps {
  return {
    keys: { required: false, verify: () => Promise.resolve(undefined) },
    requestsPerMinute: () => 10_000,
    trustedProxies: 0,
    corsOrigins: [],
    speak: () => Promise.reject(new Error('This test speaks nothing.')),
    speechesMax: 2,
    encodeMp3,
    voices: {
      list: () => Promise.resolve([VOICE]),
      add: () => Promise.reject(new Error('This test adds no voices.')),
      check: () => Promise.reject(new Error('This test checks no clips.')),
      remove: () => Promise.resolve(false),
      isBuiltIn: () => true,
    },
    ...noJobs(),
    model: { id: 'tiny', digest: 'd', languages: ['en'], licence: 'MIT' },
    notReady: () => undefined,
    version: '1.2.3',
    log: () => undefined,
    ...overrides,
  };
}

const VOICE = { id: 'slt', version: 'v', language: 'en', transcript: 'Hello. ', promptSamples: 1, sourceRms: 0.1 };

/** An empty store, and nobody who works. */
function noJobs(): JobsDeps & NotificationsDeps {
  const store = new MemoryStore();
  const now = () => new Date();
  const reader = new JobReader(store);
  const unused = () => Promise.reject(new Error('This test has no jobs.'));
  return {
    store,
    reader,
    now,
    queue: new JobQueue({ store, reader, now }),
    openResults: () => Promise.resolve({ store, prefix: '' }),
    newId: randomUUID,
    model: { id: 'tiny', digest: 'd' },
    choices: () => ({ defaults: {}, parameters: { steps: 4, cfg: 2, sway: null } }),
    openSource: unused,
    checkResults: () => undefined,
    checkSubscriptions: () => undefined,
    estimate: unused,
    downloadUrl: () => Promise.resolve(undefined),
    resend: unused,
    wake: () => undefined,
    bodyLimitBytes: 1024 * 1024,
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
