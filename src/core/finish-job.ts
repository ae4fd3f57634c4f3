/** The end of a job: items that span shards are joined, and the outcome of every line is written where the client looks. */
import { type ErrorRecord, NarratorError, toNarratorError } from './errors.ts';
import type { JobHead } from './job.ts';
import { RoundFailures, tellFinished } from './job-news.ts';
import { errorsKey, finishedKey, joinedKey, openKey, resultsKey, segmentKey, summaryKey } from './keys.ts';
import {
  isCancelled,
  latestRound,
  putJson,
  putWhileThere,
  readSummary,
  requireJobHead,
  requireJobPlans,
  requireShard,
} from './ledger.ts';
import { joinedBefore, outcomesByLine, type PlacedOutcome, wholeOutcome } from './outcomes.ts';
import type { TellDeps } from './outbox.ts';
import type { ArtifactStore, AudioFunctions } from './ports.ts';
import type { FailedItem, FinalOutcome, JobSummary } from './record.ts';
import { type OpenResults, type ResultsPlace, seconds, type SpokenSegment, writeItem } from './results.ts';
import type { JobPlan } from './shard.ts';
import { FailedAudio } from './withdraw-failed.ts';

export interface FinishDeps extends TellDeps {
  readonly openResults: OpenResults;
  readonly audio: AudioFunctions;
}

/**
 * Called once every shard has its record. Idempotent: one that was killed half-way starts again and writes the same.
 * finished.json is written last, and counts; then whoever wants to know is told, and only then the job leaves the list of open ones.
 * @throws NarratorError job_not_found, ledger_corrupt (not planned, a record missing), store errors
 */
export async function finishJob(jobId: string, deps: FinishDeps): Promise<JobSummary> {
  const { store } = deps;
  const head = await requireJobHead(store, jobId);
  const round = await latestRound(store, jobId);
  const summary = (await readSummary(store, jobId, round)) ?? (await finish(head, round, deps));
  await tellFinished({ head, round }, deps);
  await store.delete(openKey(jobId));
  // A retry that was asked for meanwhile put it there, perhaps too early.
  if ((await latestRound(store, jobId)) !== round)
    await store.put(openKey(jobId), new Uint8Array(), { ifAbsent: true });
  return summary;
}

async function finish(head: JobHead, round: number, deps: FinishDeps): Promise<JobSummary> {
  const { store, now } = deps;
  const { id: jobId } = head;
  const plans = await requireJobPlans(store, jobId, round);
  const plan = plans.at(-1) as JobPlan;
  const results = await deps.openResults(head.results);

  const joined = await joinedBefore(store, jobId, round);
  const joinedNow: FinalOutcome[] = [];
  const tally = new Tally();
  const withdrawn = new FailedAudio();
  const failures = new RoundFailures();
  let startedAt: string | undefined;
  for await (const { line, round: lastRound, placed } of outcomesByLine(plans, store)) {
    let outcome = wholeOutcome(placed) ?? (lastRound < round ? joined.get(line) : undefined);
    if (outcome === undefined) {
      outcome = await join(placed, head, plan, results, deps);
      joined.set(line, forResults(outcome));
      joinedNow.push(forResults(outcome));
    }
    withdrawn.add(outcome);
    tally.add(outcome);
    if (lastRound !== round) continue;
    failures.add(outcome, placed);
    // ISO 8601 in UTC sorts as text.
    for (const one of placed) if (startedAt === undefined || one.startedAt < startedAt) startedAt = one.startedAt;
  }
  if (joinedNow.length > 0) await putJson(store, joinedKey(jobId, round), joinedNow);
  // Here, not where they failed: in a job that was retried, only the last outcome counts.
  await withdrawn.withdraw(results);
  async function* outcomes(): AsyncGenerator<FinalOutcome> {
    for await (const { line, placed } of outcomesByLine(plans, store)) {
      const outcome = wholeOutcome(placed) ?? joined.get(line);
      if (outcome !== undefined) yield outcome;
    }
  }
  async function* errors(): AsyncGenerator<unknown> {
    for await (const outcome of outcomes()) yield errorLine(outcome);
    yield plan.error;
  }

  const type = { contentType: 'application/x-ndjson' };
  await results.store.put(resultsKey(results.prefix), jsonLines(outcomes(), resultLine), type);
  await results.store.put(
    errorsKey(results.prefix),
    jsonLines(errors(), (line) => line),
    type,
  );

  const cancelled = await isCancelled(store, jobId);
  const summary: JobSummary = {
    v: 1,
    jobId,
    ...(round > 1 && { round }),
    outcome: tally.outcome(plan, cancelled),
    createdAt: head.createdAt,
    ...(startedAt !== undefined && { startedAt }),
    finishedAt: now().toISOString(),
    ...tally.totals(),
    ...(plan.error !== undefined && { error: plan.error }),
  };
  await putJson(results.store, summaryKey(results.prefix), summary);
  await failures.tell({ head, round }, deps);
  await putWhileThere(store, head, finishedKey(jobId, round), summary);
  return (await readSummary(store, jobId, round)) ?? summary;
}

// ---------------------------------------------------------------- items that span shards

async function join(
  group: readonly PlacedOutcome[],
  head: JobHead,
  plan: JobPlan,
  results: ResultsPlace,
  { store, audio }: FinishDeps,
): Promise<FinalOutcome> {
  for (const { outcome } of group) if (outcome.status === 'failed') return outcome;
  const rest = plan.error === undefined ? undefined : await unplannedRest(group, head, plan.error, store);
  if (rest !== undefined) return rest;

  const segments: SpokenSegment[] = [];
  const parts = [];
  let sampleRateHz = 0;
  for (const { shardId, outcome } of group) {
    const shard = await requireShard(store, head.id, shardId);
    const part = shard.parts.find(({ line }) => line === outcome.line);
    if (part === undefined || outcome.status !== 'part' || outcome.segments.length !== part.segments.length) {
      throw new NarratorError('ledger_corrupt', `The record of ${shardId} of job ${head.id} does not fit its plan.`);
    }
    parts.push(part);
    sampleRateHz = outcome.sampleRateHz;
    for (const [index, planned] of part.segments.entries()) {
      const made = outcome.segments[index] as SpokenSegment['outcome'];
      segments.push({ planned, outcome: made, samples: () => storedSamples(made.key, { store, audio }) });
    }
  }
  const part = parts[0];
  if (part === undefined || segments.length !== part.totalSegments) {
    throw new NarratorError('ledger_corrupt', `Line ${group[0]?.outcome.line} of job ${head.id} lacks segments.`);
  }
  try {
    return await writeItem({ part, sampleRateHz, segments }, { head, audio, results });
  } catch (thrown) {
    const error = toNarratorError(thrown);
    if (error.code !== 'ledger_corrupt') throw error;
    // A stored segment is gone or damaged: that is the end of this item, and of no other.
    const { line, item, output } = part;
    return { status: 'failed', line, item, output, isPart: true, error: error.with({ line, item }).toRecord() };
  }
}

/** The end of an item inside which planning ended: its other segments will never come. */
async function unplannedRest(
  group: readonly PlacedOutcome[],
  head: JobHead,
  error: ErrorRecord,
  store: ArtifactStore,
): Promise<FailedItem | undefined> {
  const last = group.at(-1);
  if (last?.outcome.status !== 'part') return undefined;
  const { line, item, firstSegment, segments } = last.outcome;
  const shard = await requireShard(store, head.id, last.shardId);
  const part = shard.parts.find((one) => one.line === line);
  if (part === undefined || firstSegment + segments.length === part.totalSegments) return undefined;
  return { status: 'failed', line, item, output: part.output, isPart: true, error: { ...error, line, item } };
}

async function storedSamples(key: string, { store, audio }: Pick<FinishDeps, 'store' | 'audio'>) {
  const stored = await store.get(segmentKey(key));
  if (stored === undefined) {
    throw new NarratorError('ledger_corrupt', `The stored segment ${key} is gone.`, {
      hint: 'Submit the item again: the other segments are stored still. Keep segments as long as jobs run.',
    });
  }
  return audio.decodeSegment(stored.bytes).samples;
}

/** Joined outcomes wait in memory for the files that list them: without what those do not hold. */
function forResults(outcome: FinalOutcome): FinalOutcome {
  if (outcome.status === 'failed') return outcome;
  return { ...outcome, segments: outcome.segments.map(({ warnings: _warnings, ...segment }) => segment) };
}

// ---------------------------------------------------------------- what clients read

function resultLine(outcome: FinalOutcome): unknown {
  if (outcome.status !== 'done') return undefined;
  const { line, item, output, samples, sampleRateHz, segments, metadata } = outcome;
  return {
    line,
    item,
    output,
    seconds: seconds(samples, sampleRateHz),
    samples,
    sampleRateHz,
    segments: segments.length,
    reusedSegments: segments.filter(({ reused }) => reused).length,
    metadata,
  };
}

function errorLine(outcome: FinalOutcome): unknown {
  if (outcome.status !== 'failed') return undefined;
  const { line, item, error } = outcome;
  return { line, item, ...error };
}

const LINES_BYTES = 64 * 1024;

/** One line for each entry, but for those of which `toLine` gives undefined. */
async function* jsonLines<T>(
  entries: Iterable<T> | AsyncIterable<T>,
  toLine: (entry: T) => unknown,
): AsyncGenerator<Uint8Array> {
  let text = '';
  for await (const entry of entries) {
    const line = toLine(entry);
    if (line === undefined) continue;
    text += `${JSON.stringify(line)}\n`;
    if (text.length < LINES_BYTES) continue;
    yield new TextEncoder().encode(text);
    text = '';
  }
  if (text !== '') yield new TextEncoder().encode(text);
}

class Tally {
  readonly #totals = { succeeded: 0, failed: 0, segments: 0, reusedSegments: 0, retakenSegments: 0, audioSeconds: 0 };
  readonly #errors = new Map<string, number>();

  add(outcome: FinalOutcome): void {
    if (outcome.status === 'failed') {
      this.#totals.failed += 1;
      this.#errors.set(outcome.error.code, (this.#errors.get(outcome.error.code) ?? 0) + 1);
      return;
    }
    this.#totals.succeeded += 1;
    this.#totals.segments += outcome.segments.length;
    this.#totals.audioSeconds += outcome.samples / outcome.sampleRateHz;
    for (const { reused, take } of outcome.segments) {
      if (reused) this.#totals.reusedSegments += 1;
      if (take > 1) this.#totals.retakenSegments += 1;
    }
  }

  totals() {
    const { audioSeconds, ...totals } = this.#totals;
    return {
      items: totals.succeeded + totals.failed,
      ...totals,
      audioSeconds: Math.round(audioSeconds * 1000) / 1000,
      errors: Object.fromEntries([...this.#errors].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  outcome(plan: JobPlan, cancelled: boolean): JobSummary['outcome'] {
    if (cancelled && (plan.error?.code === 'cancelled' || this.#errors.has('cancelled'))) return 'cancelled';
    if (plan.error !== undefined) return 'failed';
    if (this.#totals.failed === 0) return 'completed';
    return this.#totals.succeeded === 0 ? 'failed' : 'partially_failed';
  }
}
