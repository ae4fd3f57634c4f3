/** What became of every line of a job, over all of its rounds: the last round that had a line counts. */
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import { joinedKey, shardName } from './keys.ts';
import { readJson, readRecord } from './ledger.ts';
import type { ArtifactStore } from './ports.ts';
import { readAhead } from './read-ahead.ts';
import { type FinalOutcome, finalOutcomeSchema, type ItemOutcome, type ShardRecord } from './record.ts';
import type { JobPlan } from './shard.ts';

/** Records that are read at once. */
const READ_AHEAD = 16;

export interface PlacedOutcome {
  readonly shardId: string;
  /** when a worker took its shard up */
  readonly startedAt: string;
  readonly outcome: ItemOutcome;
}

export interface LineOutcome {
  readonly line: number;
  /** the last one that had this line */
  readonly round: number;
  /** several only for an item that spans shards: its parts, in order */
  readonly placed: readonly PlacedOutcome[];
}

/**
 * In the order of the manifest. `plans`: of all rounds.
 * @throws NarratorError ledger_corrupt when a shard has no record
 */
export async function* outcomesByLine(plans: readonly JobPlan[], store: ArtifactStore): AsyncGenerator<LineOutcome> {
  const rounds = plans.map((_plan, at) => outcomesOfRound(plans, at + 1, store));
  try {
    const next = await Promise.all(rounds.map(async (round) => (await round.next()).value as LineOutcome | undefined));
    for (;;) {
      const line = Math.min(...next.map((one) => one?.line ?? Infinity));
      const latest = next.findLast((one) => one?.line === line);
      if (latest === undefined) return;
      yield latest;
      for (const [at, round] of rounds.entries()) {
        if (next[at]?.line === line) next[at] = (await round.next()).value as LineOutcome | undefined;
      }
    }
  } finally {
    for (const round of rounds) await round.return(undefined);
  }
}

async function* outcomesOfRound(
  plans: readonly JobPlan[],
  round: number,
  store: ArtifactStore,
): AsyncGenerator<LineOutcome> {
  const plan = plans[round - 1] as JobPlan;
  const first = (plans[round - 2]?.shards ?? 0) + 1;
  let line = 0;
  let placed: PlacedOutcome[] = [];
  const shards = Array.from({ length: plan.shards - first + 1 }, (_, at) => shardName(first + at));
  for await (const record of readAhead(shards, READ_AHEAD, (id) => requireRecord(store, plan.jobId, id))) {
    for (const outcome of record.items) {
      if (placed.length > 0 && line !== outcome.line) {
        yield { line, round, placed };
        placed = [];
      }
      line = outcome.line;
      placed.push({ shardId: record.shardId, startedAt: record.startedAt, outcome });
    }
  }
  if (placed.length > 0) yield { line, round, placed };
}

async function requireRecord(store: ArtifactStore, jobId: string, shardId: string): Promise<ShardRecord> {
  const record = await readRecord(store, jobId, shardId);
  if (record === undefined) throw new NarratorError('ledger_corrupt', `${shardId} of job ${jobId} has no record.`);
  return record;
}

/** @returns undefined for an item that spans shards: what it came to is known once it is joined */
export function wholeOutcome(placed: readonly PlacedOutcome[]): FinalOutcome | undefined {
  const outcome = placed[0]?.outcome;
  if (outcome === undefined || outcome.status === 'part') return undefined;
  return outcome.status === 'failed' && outcome.isPart === true ? undefined : outcome;
}

/** What the items that span shards came to in the rounds before `round`, by line. */
export async function joinedBefore(
  store: ArtifactStore,
  jobId: string,
  round: number,
): Promise<Map<number, FinalOutcome>> {
  const joined = new Map<number, FinalOutcome>();
  for (let earlier = 1; earlier < round; earlier++) {
    for (const [line, outcome] of await joinedIn(store, jobId, earlier)) joined.set(line, outcome);
  }
  return joined;
}

/** The same of one round: none until it is finished. */
export async function joinedIn(store: ArtifactStore, jobId: string, round: number): Promise<Map<number, FinalOutcome>> {
  const outcomes = await readJson(store, joinedKey(jobId, round), z.array(finalOutcomeSchema));
  return new Map(outcomes?.map((outcome) => [outcome.line, outcome]));
}
