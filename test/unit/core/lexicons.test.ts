import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deleteJob } from '../../../src/core/delete-job.ts';
import { ItemLexicons } from '../../../src/core/item-lexicons.ts';
import { jobLexiconKey, jobLexiconPrefix } from '../../../src/core/keys.ts';
import { type LexiconEntry, lexiconEntrySchema, lexiconSource } from '../../../src/core/lexicon.ts';
import { planItems } from '../../../src/core/plan-items.ts';
import { planJob } from '../../../src/core/planner.ts';
import type { LexiconSource } from '../../../src/core/lexicon.ts';
import type { SegmentText } from '../../../src/core/ports.ts';
import { readJobLexicon } from '../../../src/core/stored-lexicons.ts';
import { StoredVoices, voiceVersion } from '../../../src/core/voices.ts';
import { anna, bytes, jsonLines, planning, request, segmentText, submitted, voices } from './fakes.ts';
import { house } from './house.ts';
import { MemoryStore } from './memory-store.ts';

const MANIFEST = jsonLines({ id: 'a', text: 'Ask SQL. Say nothing.' }, { id: 'b', text: 'No such word.' });
const ENTRIES: LexiconEntry[] = [{ written: 'SQL', spoken: 'sequel' }];
const OTHERS: LexiconEntry[] = [{ written: 'SQL', spoken: 'squeal' }];

/** The first lexicon that has a word says it. */
const sayingWords: SegmentText = (text, options) =>
  segmentText(text, options).map((segment) => {
    const entries = [...(options.lexicons?.(undefined) ?? [])].reverse().flatMap((one) => one.entries);
    const said = new Map(entries.map(({ written, spoken }) => [written, spoken]));
    return { ...segment, spoken: segment.spoken.replace(/\w+/g, (word) => said.get(word) ?? word) };
  });
const withWords = { ...planning, segmentText: sayingWords };

describe('the lexicon of a job', () => {
  it('lies beside its head, which names it, and goes with the job', async () => {
    const { store, submit, controller, workAll, time } = house({ planning: withWords });
    const job = await submit('job', MANIFEST, { lexicon: ENTRIES });
    assert.deepEqual(job.lexicon, { digest: lexiconSource(ENTRIES).digest, entries: 1 });
    assert.deepEqual(store.keys(jobLexiconPrefix('job')), [jobLexiconKey('job', lexiconSource(ENTRIES).digest)]);
    await controller.pass();
    await workAll();
    await controller.pass();
    await deleteJob('job', { store, now: () => new Date(time.ms) });
    assert.deepEqual(store.keys('jobs/'), []);
  });

  it('is part of what was asked for: another one is another job', async () => {
    const store = new MemoryStore();
    const first = await submitted(store, MANIFEST, { lexicon: ENTRIES });
    assert.deepEqual(await submitted(store, MANIFEST, { lexicon: ENTRIES }), first);
    for (const lexicon of [OTHERS, []]) {
      await assert.rejects(submitted(store, MANIFEST, { lexicon }), { code: 'job_conflict' });
    }
    assert.deepEqual(store.keys(jobLexiconPrefix('job')).length, 1);
  });

  it('leaves the digest of a job without one as it was', async () => {
    const [without, empty] = [
      await submitted(new MemoryStore(), MANIFEST),
      await submitted(new MemoryStore(), MANIFEST, { lexicon: [] }),
    ];
    assert.equal(without.digest, empty.digest);
    assert.equal('lexicon' in without, false);
  });

  it('leaves nothing of those that submitted the same job with another one at the same time', async () => {
    const store = new MemoryStore();
    const all = await Promise.allSettled(
      [ENTRIES, OTHERS, ENTRIES, OTHERS].map((lexicon) => submitted(store, MANIFEST, { lexicon })),
    );
    const [job] = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    assert.deepEqual(store.keys(jobLexiconPrefix('job')), [jobLexiconKey('job', job?.lexicon?.digest ?? '')]);
  });

  it('is the same for whoever plans, whenever: a planner that starts again goes on with it', async () => {
    const store = new MemoryStore();
    const job = await submitted(store, MANIFEST, { lexicon: ENTRIES, shardSeconds: 0.1 });
    store.beforePut = (key) => {
      if (key.endsWith('shard-000002.json')) throw new Error('killed');
    };
    await assert.rejects(planJob(job, { ...withWords, store }), /killed/);
    store.beforePut = () => undefined;
    await planJob(job, { ...withWords, store });
    const texts = store.keys('jobs/job/plan/').flatMap((key) => {
      const shard = store.json(key) as { parts: { segments: { text: string }[] }[] };
      return shard.parts.flatMap(({ segments }) => segments.map(({ text }) => text));
    });
    assert.deepEqual(texts, ['Ask sequel.', 'Say nothing.', 'No such word.']);
  });

  it('is the same however its words were typed', () => {
    const typed = [{ written: ' caf\u0065\u0301 ', spoken: 'ca  fay', language: 'fr-FR' }];
    assert.deepEqual(lexiconSource(typed), lexiconSource([{ written: 'café', spoken: 'ca fay', language: 'fr' }]));
    const message = /^lexicon\.1\.written is empty/;
    assert.throws(() => lexiconSource([...typed, { written: '', spoken: 'x' }]), { code: 'usage', message });
  });

  it('that is gone or damaged is an error of the ledger', async () => {
    const store = new MemoryStore();
    const { lexicon } = await submitted(store, MANIFEST, { lexicon: ENTRIES });
    assert.ok(lexicon);
    const key = jobLexiconKey('job', lexicon.digest);
    await store.put(key, new TextEncoder().encode(JSON.stringify({ v: 1, entries: OTHERS })));
    await assert.rejects(readJobLexicon(store, 'job', lexicon), { code: 'ledger_corrupt', message: /damaged/ });
    await store.delete(key);
    await assert.rejects(readJobLexicon(store, 'job', lexicon), { code: 'ledger_corrupt', message: /missing/ });
  });

  it('renders anew what it changes, and nothing else', async () => {
    const { engine, submit, controller, workAll } = house({ planning: withWords });
    const run = async (id: string, lexicon?: LexiconEntry[]) => {
      const before = engine.requests.length;
      await submit(id, MANIFEST, lexicon === undefined ? {} : { lexicon });
      await controller.pass();
      await workAll();
      await controller.pass();
      return engine.requests.slice(before).map(({ text }) => text);
    };
    assert.deepEqual(await run('none'), ['Ask SQL.', 'Say nothing.', 'No such word.']);
    assert.deepEqual(await run('first', ENTRIES), ['Ask sequel.']);
    assert.deepEqual(await run('again', [...ENTRIES, { written: 'unused', spoken: 'x' }]), []);
    assert.deepEqual(await run('second', OTHERS), ['Ask squeal.']);
    assert.deepEqual(await run('back'), []);
  });
});

describe('the lexicon of a voice', () => {
  const samples = new Float32Array(10);
  const content = { language: 'en', transcript: 'Hello. ', samples, sampleRateHz: 24_000, sourceRms: 0.05 };
  const voice = { id: 'anna', version: voiceVersion(content), ...content, promptSamples: samples.length };

  it('is kept beside it and changes nothing of its sound', async () => {
    const store = new MemoryStore();
    const library = new StoredVoices({ store });
    const plain = await library.add(voice);
    const profile = await library.add(voice, lexiconSource(ENTRIES));
    assert.deepEqual(profile, { ...plain, lexicon: lexiconSource(ENTRIES).digest });
    assert.deepEqual(await library.find('anna'), profile);
    assert.deepEqual(await library.lexicon(profile), lexiconSource(ENTRIES));
    assert.equal(await library.lexicon(plain), undefined);
    assert.deepEqual(await library.load(profile.version), voice);
    assert.equal((await library.add(voice)).lexicon, undefined);
    await library.remove('anna');
    assert.deepEqual(store.keys('voices/'), []);
  });

  it('comes behind that of the job, for the voice that speaks, and is read once', async () => {
    const sources = new Map(
      [ENTRIES, OTHERS].map((entries) => [lexiconSource(entries).digest, lexiconSource(entries)]),
    );
    const [first, second] = [...sources.keys()];
    let reads = 0;
    const library = {
      lexicon: async ({ lexicon = '' }: { lexicon?: string }): Promise<LexiconSource | undefined> => {
        reads += 1;
        return sources.get(lexicon);
      },
    };
    const job = lexiconSource([{ written: 'x', spoken: 'y' }]);
    const lexicons = new ItemLexicons(job, library);
    const [one, two, none] = [{ ...anna, lexicon: first ?? '' }, { ...anna, lexicon: second ?? '' }, anna];
    for (let round = 0; round < 3; round += 1) {
      const of = await lexicons.of([one, two, none]);
      assert.deepEqual(
        [of(one), of(two), of(none)],
        [[job, sources.get(one.lexicon)], [job, sources.get(two.lexicon)], [job]],
      );
    }
    assert.equal(reads, 2);
  });

  it('is found for an item by its voice', async () => {
    const own = lexiconSource(OTHERS);
    const library = {
      ...voices,
      find: async () => ({ ...anna, lexicon: own.digest }),
      lexicon: async () => own,
    };
    const manifest = { format: 'jsonl' as const, bytes: bytes(MANIFEST) };
    const { parameters, defaults } = request(MANIFEST);
    const texts: string[] = [];
    for await (const entry of planItems(
      manifest,
      { parameters, ...(defaults && { defaults }) },
      { ...withWords, voices: library },
    )) {
      if (entry.status === 'planned') texts.push(...entry.item.segments.map(({ text }) => text));
    }
    assert.deepEqual(texts, ['Ask squeal.', 'Say nothing.', 'No such word.']);
  });
});

describe('an entry of a lexicon', () => {
  it('is cleaned of what cannot matter', () => {
    assert.deepEqual(lexiconEntrySchema.parse({ written: ' a\n b ', spoken: 'e\u0301', language: 'zh-Hant-TW' }), {
      written: 'a b',
      spoken: 'é',
      language: 'zh',
    });
  });

  it('is refused with the field that is wrong', () => {
    for (const entry of [
      {},
      { written: '', spoken: 'x' },
      { written: 'x', spoken: 1 },
      { written: 'x', spoken: 'y'.repeat(1001) },
      { written: 'x', spoken: 'y', language: '?' },
      { written: 'x', spoken: 'y', more: 1 },
    ]) {
      assert.equal(lexiconEntrySchema.safeParse(entry).success, false, JSON.stringify(entry));
    }
  });
});
