/** Lexicons in the store: those of jobs and of voices, each under the name of its content. */
import { z } from 'zod';
import { NarratorError } from './errors.ts';
import { jobLexiconKey, jobLexiconPrefix, voiceLexiconKey } from './keys.ts';
import { putJsonIfAbsent, readJson } from './ledger.ts';
import { lexiconEntrySchema, type LexiconHead, type LexiconSource, lexiconSource } from './lexicon.ts';
import type { ArtifactStore } from './ports.ts';

const storedSchema = z.strictObject({ v: z.literal(1), entries: z.array(lexiconEntrySchema) });

/** Whoever writes it, it is the same. */
export async function putJobLexicon(store: ArtifactStore, jobId: string, lexicon: LexiconSource): Promise<void> {
  await put(store, jobLexiconKey(jobId, lexicon.digest), lexicon);
}

/** @throws NarratorError ledger_corrupt: it is gone, or is another one */
export function readJobLexicon(store: ArtifactStore, jobId: string, { digest }: LexiconHead): Promise<LexiconSource> {
  return readChecked(store, jobLexiconKey(jobId, digest), digest);
}

/** Deletes what submissions of the same job have left that did not become it. */
export async function sweepJobLexicons(
  store: ArtifactStore,
  jobId: string,
  kept: LexiconHead | undefined,
): Promise<void> {
  for await (const { key } of store.list(jobLexiconPrefix(jobId))) {
    if (kept === undefined || key !== jobLexiconKey(jobId, kept.digest)) await store.delete(key);
  }
}

export async function putVoiceLexicon(store: ArtifactStore, voiceId: string, lexicon: LexiconSource): Promise<void> {
  await put(store, voiceLexiconKey(voiceId, lexicon.digest), lexicon);
}

/** @throws NarratorError ledger_corrupt: it is gone, or is another one */
export function readVoiceLexicon(store: ArtifactStore, voiceId: string, digest: string): Promise<LexiconSource> {
  return readChecked(store, voiceLexiconKey(voiceId, digest), digest);
}

async function put(store: ArtifactStore, key: string, { entries }: LexiconSource): Promise<void> {
  await putJsonIfAbsent(store, key, { v: 1, entries });
}

async function readChecked(store: ArtifactStore, key: string, digest: string): Promise<LexiconSource> {
  const stored = await readJson(store, key, storedSchema);
  const lexicon = stored && lexiconSource(stored.entries);
  if (lexicon?.digest === digest) return lexicon;
  throw new NarratorError(
    'ledger_corrupt',
    `The stored object ${key} is ${stored === undefined ? 'missing' : 'damaged'}.`,
  );
}
