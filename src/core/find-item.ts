/** One item of a job by its id. Shards say which items they hold, in the order of the manifest: there is no index but this one. */
import { shardKey, shardName } from './keys.ts';
import { readJobPlan, readJson } from './ledger.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import { itemRounds, type ItemStatus } from './round-items.ts';
import { shardPlanSchema } from './shard.ts';

/** Ids that are remembered over all jobs: some 100 bytes each. */
const IDS_REMEMBERED_MAX = 500_000;
const READ_AHEAD = 8;

/** Remembers in which shard the items of a job are: the first question about a long job reads its plan, the next ones do not. */
export class ItemFinder {
  readonly #store: ArtifactStore;
  /** by job, the one that was asked for last at the end */
  readonly #places = new Map<string, ItemPlaces>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** @returns undefined if the job has no such item, or it is not planned yet */
  async find(jobId: string, item: string): Promise<ItemStatus | undefined> {
    const found = await this.#findIn(await this.#placesOf(jobId), jobId, item);
    this.#forgetSome();
    return found;
  }

  async #findIn(places: ItemPlaces, jobId: string, item: string): Promise<ItemStatus | undefined> {
    const number = await places.shardOf(item);
    if (number === undefined) return undefined;
    const [first, ...later] = await itemRounds(jobId, this.#store);
    let found = (await first.shard(number))?.values.find((one) => one.item === item);
    if (found === undefined) return undefined;
    for (const round of later) found = (await round.find(found.line)) ?? found;
    return found;
  }

  async #placesOf(jobId: string): Promise<ItemPlaces> {
    // A job may be deleted, and another one have its id. While it is planned, a shard may still change.
    const plan = await readJobPlan(this.#store, jobId);
    const known = this.#places.get(jobId);
    const places =
      plan !== undefined && known?.planDigest === plan.digest
        ? known
        : new ItemPlaces(jobId, this.#store, plan?.digest, plan?.shards ?? Infinity);
    this.#places.delete(jobId);
    if (plan !== undefined) this.#places.set(jobId, places);
    return places;
  }

  #forgetSome(): void {
    let ids = [...this.#places.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [jobId, { size }] of this.#places) {
      if (ids <= IDS_REMEMBERED_MAX) return;
      this.#places.delete(jobId);
      ids -= size;
    }
  }
}

class ItemPlaces {
  readonly #jobId: string;
  readonly #store: ArtifactStore;
  readonly #lastShard: number;
  readonly planDigest: string | undefined;
  readonly #shards = new Map<string, number>();
  #readUpTo = 0;
  #reading: Promise<void> | undefined;

  constructor(jobId: string, store: ArtifactStore, planDigest: string | undefined, lastShard: number) {
    this.#jobId = jobId;
    this.#store = store;
    this.planDigest = planDigest;
    this.#lastShard = lastShard;
  }

  get size(): number {
    return this.#shards.size;
  }

  async shardOf(item: string): Promise<number | undefined> {
    while (!this.#shards.has(item) && this.#readUpTo < this.#lastShard) {
      const before = this.#readUpTo;
      // Those who ask at the same time read together.
      await (this.#reading ??= this.#readOn().finally(() => (this.#reading = undefined)));
      if (this.#readUpTo === before) break;
    }
    return this.#shards.get(item);
  }

  async #readOn(): Promise<void> {
    const last = Math.min(this.#lastShard, this.#readUpTo + READ_AHEAD);
    const numbers = Array.from({ length: last - this.#readUpTo }, (_, at) => this.#readUpTo + 1 + at);
    const shards = readAhead(numbers, READ_AHEAD, (number) =>
      readJson(this.#store, shardKey(this.#jobId, shardName(number)), shardPlanSchema),
    );
    for await (const shard of shards) {
      if (shard === undefined) return;
      this.#readUpTo += 1;
      for (const { item } of [...shard.parts, ...shard.rejected].sort((a, b) => a.line - b.line)) {
        // A line that repeats an id is rejected, and comes behind the line that has it.
        if (item !== undefined && !this.#shards.has(item)) this.#shards.set(item, this.#readUpTo);
      }
    }
  }
}
