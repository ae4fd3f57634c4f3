/**
 * The shards of a job as far as they are settled: durable, never replaced, free to be dispatched.
 *
 * Each shard holds the digest of the one before it. A shard is settled when it is there and that digest is the one of the
 * settled shard before it; so whoever looks finds the same chain, and a planner that starts again goes on behind its
 * end. It never has to make the same shards again, hence it does not matter if a voice or a text file was changed in between. What
 * a killed planner left behind a gap names a predecessor that never came to be, or one that lost its place to another: it
 * cannot become settled, nobody dispatches it, and it may be replaced.
 */
import { sha256Hex } from './canonical-json.ts';
import { shardKey, shardName } from './keys.ts';
import { encodeJson, parseJson } from './ledger.ts';
import { TotalsOfShards } from './plan-totals.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import { type ItemPart, type ShardPlan, shardPlanSchema } from './shard.ts';

/** Shards that are read at once. */
const READ_AHEAD = 16;

/** The digest before the first shard. */
export const NO_SHARD = sha256Hex('');

export interface StoredShard {
  readonly shard: ShardPlan;
  /** sha256 (hex) of its bytes */
  readonly digest: string;
}

/** An item of which the chain has the first segments, but not the last. */
export interface BegunItem {
  readonly line: number;
  readonly totalSegments: number;
  readonly segmentKeys: string[];
}

export class ShardChain {
  readonly #store: ArtifactStore;
  readonly #jobId: string;
  readonly #onSettled: (shards: number) => void;
  readonly totals = new TotalsOfShards();
  #length: number;
  #digest: string;
  #lastLine = 0;
  #begun: BegunItem | undefined;

  /** `after`: the shards before it, which are not looked at */
  constructor(
    store: ArtifactStore,
    jobId: string,
    after: { readonly shards: number; readonly digest: string },
    onSettled: (shards: number) => void,
  ) {
    this.#store = store;
    this.#jobId = jobId;
    this.#length = after.shards;
    this.#digest = after.digest;
    this.#onSettled = onSettled;
  }

  /** number of the last settled shard */
  get length(): number {
    return this.#length;
  }

  /** of the last settled shard */
  get digest(): string {
    return this.#digest;
  }

  /** the last line of the manifest of which it holds something */
  get lastLine(): number {
    return this.#lastLine;
  }

  get begun(): BegunItem | undefined {
    return this.#begun;
  }

  /** Reads on to the end of what is settled. */
  async follow(): Promise<void> {
    const stored = readAhead(numbersFrom(this.#length + 1), READ_AHEAD, async (number) => {
      const key = shardKey(this.#jobId, shardName(number));
      const there = await this.#store.get(key);
      return there && { shard: parseJson(key, there.bytes, shardPlanSchema), digest: sha256Hex(there.bytes) };
    });
    for await (const one of stored) {
      if (one === undefined || one.shard.previous !== this.#digest) return;
      this.add(one);
    }
  }

  /** The next shard, which is in the store and settled. */
  add({ shard, digest }: StoredShard): void {
    this.#length += 1;
    this.#digest = digest;
    this.totals.add(shard);
    for (const part of shard.parts) this.#addPart(part);
    for (const { line, isPart } of shard.rejected) {
      this.#lastLine = Math.max(this.#lastLine, line);
      if (isPart === true) this.#begun = undefined;
    }
    this.#onSettled(this.#length);
  }

  #addPart(part: ItemPart): void {
    const { line, firstSegment, totalSegments, segments } = part;
    this.#lastLine = Math.max(this.#lastLine, line);
    if (firstSegment + segments.length === totalSegments) {
      this.#begun = undefined;
      return;
    }
    if (firstSegment === 0 || this.#begun === undefined) this.#begun = { line, totalSegments, segmentKeys: [] };
    this.#begun.segmentKeys.push(...segments.map(({ key }) => key));
  }
}

function* numbersFrom(first: number): Generator<number> {
  for (let number = first; ; number++) yield number;
}

/**
 * Writes a shard to its place in the chain. `before` settles with the fate of the shard before it.
 * @returns false if another planner's shard has the place: what follows must be planned anew, behind that one
 */
export async function putShard(
  store: ArtifactStore,
  shard: ShardPlan,
  bytes: Uint8Array,
  before: Promise<boolean>,
): Promise<boolean> {
  const key = shardKey(shard.jobId, shard.shardId);
  const type = { contentType: 'application/json' };
  const put = await store.put(key, bytes, { ...type, ifAbsent: true });
  if (put.status === 'written') return before;
  for (;;) {
    // Which of two shards belongs here is known once the one before is settled.
    if (!(await before)) return false;
    const there = await store.get(key);
    if (there === undefined) {
      if ((await store.put(key, bytes, { ...type, ifAbsent: true })).status === 'written') return true;
      continue;
    }
    if (Buffer.compare(there.bytes, bytes) === 0) return true;
    if (parseJson(key, there.bytes, shardPlanSchema).previous === shard.previous) return false;
    if ((await store.put(key, bytes, { ...type, ifMatch: there.etag })).status === 'written') return true;
  }
}

/** @returns the shard, its bytes, and its digest, with which the next one begins */
export function encodeShard(shard: ShardPlan): StoredShard & { readonly bytes: Uint8Array } {
  const bytes = encodeJson(shard);
  return { shard, bytes, digest: sha256Hex(bytes) };
}
