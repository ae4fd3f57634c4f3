/**
 * Which of several controllers works on a job: an object that one of them holds for a while, renews, and loses once it stops
 * to. It saves double work and nothing else: two that both believe to hold a job do no harm, because all that they write is
 * write-once.
 */
import { z } from 'zod';
import { leaseKey } from './keys.ts';
import { encodeJson, parseJson } from './ledger.ts';
import type { ArtifactStore, Etag, PutOptions } from './ports.ts';

export interface LeaseOptions {
  /** names this controller among the others; a new one at every start */
  readonly holder: string;
  /** a controller that is silent for so long loses its jobs to the others. Default 30 s; clocks must agree better than that */
  readonly durationMs?: number;
}

const leaseSchema = z.strictObject({ v: z.literal(1), holder: z.string(), expiresAt: z.string() });

const DURATION_MS = 30_000;

export class Leases {
  readonly #store: ArtifactStore;
  readonly #now: () => Date;
  readonly #holder: string;
  readonly #durationMs: number;
  readonly #held = new Map<string, { readonly etag: Etag; readonly expiresAtMs: number }>();
  /** when to look again at a job that another one holds */
  readonly #lookAgainAtMs = new Map<string, number>();

  constructor({ holder, durationMs = DURATION_MS }: LeaseOptions, store: ArtifactStore, now: () => Date) {
    this.#store = store;
    this.#now = now;
    this.#holder = holder;
    this.#durationMs = durationMs;
  }

  /** Takes the lease if it is free, renews it when half of its time is over. @returns whether it is held now */
  async hold(jobId: string): Promise<boolean> {
    const nowMs = this.#nowMs();
    const held = this.#held.get(jobId);
    if (held !== undefined && held.expiresAtMs - nowMs > this.#durationMs / 2) return true;
    const condition = held === undefined ? await this.#ifFree(jobId) : { ifMatch: held.etag };
    const etag = condition && (await this.#write(jobId, nowMs + this.#durationMs, condition));
    if (etag === undefined) {
      this.#held.delete(jobId);
      return false;
    }
    this.#held.set(jobId, { etag, expiresAtMs: nowMs + this.#durationMs });
    return true;
  }

  /** Whether it is held still, as far as the clock says: asks nobody. */
  isHeld(jobId: string): boolean {
    return (this.#held.get(jobId)?.expiresAtMs ?? 0) > this.#nowMs();
  }

  /** The job is finished: its lease goes. */
  async end(jobId: string): Promise<void> {
    this.#held.delete(jobId);
    await this.#store.delete(leaseKey(jobId));
  }

  /** Lets the others have all jobs at once, instead of when the leases expire. */
  async release(): Promise<void> {
    const held = [...this.#held];
    this.#held.clear();
    for (const [jobId, { etag }] of held) await this.#write(jobId, this.#nowMs(), { ifMatch: etag });
  }

  /** Forgets jobs that are not open any more. */
  keepOnly(open: ReadonlySet<string>): void {
    for (const jobId of this.#held.keys()) if (!open.has(jobId)) this.#held.delete(jobId);
    for (const jobId of this.#lookAgainAtMs.keys()) if (!open.has(jobId)) this.#lookAgainAtMs.delete(jobId);
  }

  /** @returns on what condition it may be taken; undefined if another controller holds it */
  async #ifFree(jobId: string): Promise<PutOptions | undefined> {
    const nowMs = this.#nowMs();
    if (nowMs < (this.#lookAgainAtMs.get(jobId) ?? 0)) return undefined;
    const there = await this.#store.get(leaseKey(jobId));
    if (there === undefined) return { ifAbsent: true };
    const lease = parseJson(leaseKey(jobId), there.bytes, leaseSchema);
    const expiresAtMs = Date.parse(lease.expiresAt);
    if (lease.holder === this.#holder || expiresAtMs <= nowMs) return { ifMatch: there.etag };
    // Not only when it expires: it may be released before.
    this.#lookAgainAtMs.set(jobId, Math.min(expiresAtMs, nowMs + this.#durationMs / 4));
    return undefined;
  }

  async #write(jobId: string, expiresAtMs: number, condition: PutOptions): Promise<Etag | undefined> {
    const lease = { v: 1, holder: this.#holder, expiresAt: new Date(expiresAtMs).toISOString() };
    const options = { ...condition, contentType: 'application/json' };
    const put = await this.#store.put(leaseKey(jobId), encodeJson(lease), options);
    return put.status === 'written' ? put.etag : undefined;
  }

  #nowMs(): number {
    return this.#now().getTime();
  }
}
