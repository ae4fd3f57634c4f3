/** Who may use a server: keys of its store and the operator's own; everybody, as long as there is none and only this machine can ask. */
import { isIP } from 'node:net';
import type { Client } from '../core/api-keys.ts';
import { ApiKeyVerifier } from '../core/api-keys.ts';
import { NarratorError } from '../core/errors.ts';
import { apiKeyPrefix } from '../core/keys.ts';
import type { ArtifactStore } from '../core/ports.ts';
import { sleep } from './sleep.ts';

/** How soon a server that is open asks for keys once the first one is made. */
const INTERVAL_MS = 5_000;

export class ServerKeys {
  readonly #store: ArtifactStore;
  readonly #verifier: ApiKeyVerifier;
  readonly #stop = new AbortController();
  #required: boolean;
  #watching: Promise<void> | undefined;

  private constructor(store: ArtifactStore, adminKey: string | undefined, required: boolean) {
    this.#store = store;
    this.#verifier = new ApiKeyVerifier({ store, adminKey, now: () => new Date() });
    this.#required = required;
  }

  /** @throws NarratorError config_invalid: others could reach it, and there are no keys; store_unavailable */
  static async open(
    store: ArtifactStore,
    { host, adminKey }: { readonly host: string; readonly adminKey: string | undefined },
  ): Promise<ServerKeys> {
    const required = adminKey !== undefined || (await hasKeys(store));
    if (!required && !isLoopback(host)) {
      throw new NarratorError(
        'config_invalid',
        `The host is ${host}; without API keys the server listens on loopback (127.0.0.1, ::1, localhost) only.`,
        {
          field: 'host',
          hint: 'Make a key with `narrator keys create --name ME --scopes admin`, or set NARRATOR_ADMIN_KEY to 24 or more random characters.',
        },
      );
    }
    return new ServerKeys(store, adminKey, required);
  }

  /** false: whoever reaches it may do everything. Once there is a key it stays true. */
  get required(): boolean {
    return this.#required;
  }

  readonly verify = (key: string): Promise<Client | undefined> => this.#verifier.verify(key);

  start(): void {
    this.#watching ??= this.#watch();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && !this.#required) {
      await sleep(INTERVAL_MS, signal);
      // A store that does not answer is the health's matter.
      this.#required = await hasKeys(this.#store).catch(() => false);
    }
  }
}

/** Those that are revoked count: whoever made one does not want the server open. */
async function hasKeys(store: ArtifactStore): Promise<boolean> {
  for await (const _key of store.list(apiKeyPrefix)) return true;
  return false;
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
