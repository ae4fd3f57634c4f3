/** Intake: a manifest becomes an accepted job. Every entry point ends here. */
import { createHash } from 'node:crypto';
import { canonicalJson, sha256Hex } from './canonical-json.ts';
import { checkNotBeingDeleted } from './delete-job.ts';
import { NarratorError } from './errors.ts';
import { type JobHead, type JobParameters, PRIORITY_MAX, PRIORITY_MIN, type ResultsDestination } from './job.ts';
import * as keys from './keys.ts';
import { putJsonIfAbsent, readJobHead, requireJobHead } from './ledger.ts';
import { type LexiconEntryInput, type LexiconSource, lexiconSource } from './lexicon.ts';
import type { ItemDefaults, ManifestFormat } from './manifest.ts';
import type { ArtifactStore, SampleFormat } from './ports.ts';
import { putJobLexicon, sweepJobLexicons } from './stored-lexicons.ts';
import type { Subscription } from './subscription.ts';

export interface JobRequest {
  /** the client's own id (keys.JOB_ID); without one, `newId` gives it */
  readonly id?: string;
  /** the manifest as it came: it is copied, not parsed. Its bad lines become named errors of their items. */
  readonly manifest: { readonly format: ManifestFormat; readonly bytes: AsyncIterable<Uint8Array> };
  readonly model: { readonly id: string; readonly digest: string };
  readonly parameters: JobParameters;
  readonly defaults?: ItemDefaults;
  /** default int16 */
  readonly format?: SampleFormat;
  /** default: the artifact store, under the job */
  readonly results?: ResultsDestination;
  /** default true */
  readonly reuse?: boolean;
  /** default 120 */
  readonly shardSeconds?: number;
  /** words with a pronunciation of their own: before those of the voices and of the deployment */
  readonly lexicon?: readonly LexiconEntryInput[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** spelled like a job id; default: none, which is a tenant of its own */
  readonly tenant?: string;
  /** -10 to 10, default 0 */
  readonly priority?: number;
  readonly notify?: readonly Subscription[];
  /** see job.ts */
  readonly quiet?: true;
  /** see job.ts */
  readonly source?: string;
}

export interface SubmitDeps {
  readonly store: ArtifactStore;
  readonly now: () => Date;
  /** a fresh name: letters, digits and '-', unique for ever */
  readonly newId: () => string;
}

export interface SubmittedJob {
  readonly job: JobHead;
  /** false: this very job had been accepted before */
  readonly created: boolean;
}

export const SHARD_SECONDS = 120;

/**
 * Accepts a job: once this returns, nothing of it can get lost. The same id with the same content gives the first job.
 * @throws NarratorError usage (an unusable id), job_conflict (this id has other content, or is being deleted), store errors
 */
export async function submitJob(request: JobRequest, deps: SubmitDeps): Promise<SubmittedJob> {
  const { store } = deps;
  const id = request.id ?? deps.newId();
  if (!keys.JOB_ID.test(id)) {
    throw new NarratorError(
      'usage',
      `The job id ${JSON.stringify(id.slice(0, 80))} cannot be used: it must be 1 to 64 letters, digits, '.', '_' or '-', and start with a letter or digit.`,
      { field: 'id', limit: 64 },
    );
  }
  checkTenancy(request);
  const lexicon = lexiconOf(request);
  const first = await readJobHead(store, id);
  if (first !== undefined) {
    const { sha256 } = await drain(hashed(request.manifest.bytes));
    return accepted(store, sameJob(first, contentDigest(request, id, sha256)), false);
  }
  // Behind that look: whoever deletes a job leaves his marker before he takes it away.
  await checkNotBeingDeleted(id, store);

  // A submitter that is killed here leaves its copy of the manifest, and no job: the next one with this id sweeps it.
  const key = keys.manifestKey(id, deps.newId(), request.manifest.format);
  const copy = hashed(request.manifest.bytes);
  await store.put(key, copy.bytes, { ifAbsent: true });
  if (lexicon !== undefined) await putJobLexicon(store, id, lexicon);
  const { sha256, bytes } = copy.result();
  const head = headOf(request, { id, createdAt: deps.now().toISOString(), key, sha256, bytes });
  const put = await putJsonIfAbsent(store, keys.jobHeadKey(id), head);
  if (put.status === 'written') return accepted(store, head, true);
  await store.delete(key);
  const winner = await requireJobHead(store, id);
  if (lexicon !== undefined) await sweepJobLexicons(store, id, winner.lexicon);
  return accepted(store, sameJob(winner, head.digest), false);
}

function lexiconOf({ lexicon = [] }: JobRequest): LexiconSource | undefined {
  return lexicon.length === 0 ? undefined : lexiconSource(lexicon);
}

function checkTenancy({ tenant, priority = 0 }: JobRequest): void {
  if (tenant !== undefined && !keys.JOB_ID.test(tenant)) {
    const rule = "1 to 64 letters, digits, '.', '_' or '-'";
    throw new NarratorError('usage', `The tenant must be ${rule}.`, { field: 'tenant', limit: 64 });
  }
  if (!Number.isInteger(priority) || priority < PRIORITY_MIN || priority > PRIORITY_MAX) {
    const message = `priority must be a whole number from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${priority}.`;
    throw new NarratorError('usage', message, { field: 'priority', hint: 'Leave it out for the usual one, 0.' });
  }
}

function headOf(
  request: JobRequest,
  facts: { id: string; createdAt: string; key: string; sha256: string; bytes: number },
): JobHead {
  const { id, createdAt, key, sha256, bytes } = facts;
  return {
    v: 1,
    id,
    createdAt,
    digest: contentDigest(request, id, sha256),
    manifest: { format: request.manifest.format, key, sha256, bytes },
    model: request.model,
    ...choices(request, id),
    // Not what was asked for: the same manifest from another place is the same job.
    ...(request.source !== undefined && { source: request.source }),
  };
}

/** What a client can choose, with the defaults filled in. */
function choices(request: JobRequest, id: string) {
  const lexicon = lexiconOf(request);
  return {
    defaults: request.defaults ?? {},
    parameters: request.parameters,
    format: request.format ?? 'int16',
    results: request.results ?? { kind: 'store', prefix: keys.defaultResultsPrefix(id) },
    reuse: request.reuse ?? true,
    shardSeconds: request.shardSeconds ?? SHARD_SECONDS,
    ...(lexicon !== undefined && { lexicon: { digest: lexicon.digest, entries: lexicon.entries.length } }),
    ...(request.metadata !== undefined && { metadata: { ...request.metadata } }),
    ...(request.tenant !== undefined && { tenant: request.tenant }),
    ...(request.priority !== undefined && { priority: request.priority }),
    ...(request.notify !== undefined && { notify: [...request.notify] }),
    ...(request.quiet !== undefined && { quiet: request.quiet }),
  } satisfies Partial<JobHead>;
}

function contentDigest(request: JobRequest, id: string, manifestSha256: string): string {
  return sha256Hex(
    canonicalJson({
      manifest: manifestSha256,
      manifestFormat: request.manifest.format,
      model: request.model.digest,
      ...choices(request, id),
    }),
  );
}

function sameJob(first: JobHead, digest: string): JobHead {
  if (first.digest === digest) return first;
  throw new NarratorError(
    'job_conflict',
    `The job ${first.id} was accepted at ${first.createdAt} with another manifest, model or other options.`,
  );
}

/** Whatever a killed submitter left undone is done by the next one with the same id. */
async function accepted(store: ArtifactStore, job: JobHead, created: boolean): Promise<SubmittedJob> {
  if (created || (await store.head(keys.finishedKey(job.id))) === undefined) {
    const nothing = new Uint8Array();
    await store.put(keys.indexKey(job.id, new Date(job.createdAt)), nothing, { ifAbsent: true });
    await store.put(keys.openKey(job.id), nothing, { ifAbsent: true });
  }
  for await (const { key } of store.list(keys.manifestPrefix(job.id))) {
    if (key !== job.manifest.key) await store.delete(key);
  }
  if (job.lexicon !== undefined) await sweepJobLexicons(store, job.id, job.lexicon);
  return { job, created };
}

/** The same bytes, with their digest and number once they have passed. */
function hashed(source: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      yield chunk;
    }
  }
  return { bytes: pass(), result: () => ({ sha256: hash.digest('hex'), bytes }) };
}

async function drain(stream: ReturnType<typeof hashed>): Promise<{ sha256: string; bytes: number }> {
  for await (const _chunk of stream.bytes);
  return stream.result();
}
