import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shardKey, shardName } from '../../../src/core/keys.ts';
import { requireShard } from '../../../src/core/ledger.ts';
import type { PlanDeps, ReadTextFile } from '../../../src/core/plan-items.ts';
import { planDryRun, planJob } from '../../../src/core/planner.ts';
import type { JobRequest } from '../../../src/core/submit-job.ts';
import type { JobHead } from '../../../src/core/job.ts';
import type { RejectedItem, ShardPlan } from '../../../src/core/shard.ts';
import { cancelJob } from '../../../src/core/cancel-job.ts';
import { anna, bytes, clock, jsonLines, planning, submitted, voices } from './fakes.ts';
import { MemoryStore } from './memory-store.ts';

async function planned(manifest: string, more: Partial<JobRequest> = {}, deps: Partial<PlanDeps> = {}) {
  const store = new MemoryStore();
  const head = await submitted(store, manifest, more);
  const plan = await planJob(head, { ...planning, ...deps, store });
  const shards: ShardPlan[] = [];
  for (let number = 1; number <= plan.shards; number++)
    shards.push(await requireShard(store, 'job', shardName(number)));
  return { store, head, plan, shards };
}

const sentence = (characters: number) => `${'a'.repeat(characters - 1)}.`;
const items = (count: number, characters: number) =>
  jsonLines(...Array.from({ length: count }, (_, n) => ({ id: `i${n}`, text: sentence(characters) })));

describe('planning', () => {
  it('packs consecutive items into shards of the predicted length, and loses none', async () => {
    // 60 frames an item, 10 ms a frame: three items fill two seconds
    const { plan, shards } = await planned(items(10, 60), { shardSeconds: 2 });
    assert.deepEqual(
      shards.map(({ parts }) => parts.map(({ item }) => item)),
      [['i0', 'i1', 'i2'], ['i3', 'i4', 'i5'], ['i6', 'i7', 'i8'], ['i9']],
    );
    assert.deepEqual(plan.totals, {
      items: 10,
      rejected: 0,
      segments: 10,
      characters: 600,
      frames: 600,
      audioSeconds: 6,
    });
  });

  it('divides an item only if it is longer than a shard, and lets the next ones share its end', async () => {
    const long = { id: 'long', text: Array.from({ length: 5 }, () => sentence(80)).join(' ') };
    const manifest = jsonLines({ id: 'first', text: sentence(60) }, long, { id: 'last', text: sentence(60) });
    const { shards } = await planned(manifest, { shardSeconds: 2 });
    const parts = shards.map((shard) =>
      shard.parts.map((part) => [part.item, part.firstSegment, part.segments.length]),
    );
    assert.deepEqual(parts, [
      [['first', 0, 1]],
      [['long', 0, 2]],
      [['long', 2, 2]],
      [
        ['long', 4, 1],
        ['last', 0, 1],
      ],
    ]);
    assert.ok(
      shards.flatMap((shard) => shard.parts).every((part) => part.totalSegments === (part.item === 'long' ? 5 : 1)),
    );
  });

  it('makes a rejected item of every bad line, named by line, field and reason, and keeps the others', async () => {
    const manifest = [
      '{"id":"good","text":"Good."}',
      'nonsense',
      '{"id":"good","text":"Twice."}',
      '{"id":"other","text":"Same file.","output":"GOOD.wav"}',
      '{"id":"empty","text":" \\n "}',
      '{"id":"emoji","text":"😀🎉"}',
      '{"id":"dots","text":"... !"}',
      '{"id":"voice","text":"x","voice":"nobody"}',
      '{"id":"long","text":"123456789 123456789 1"}',
      '{"id":"file","textFile":"x.txt"}',
      '{"id":"fine","text":"Fine."}',
    ].join('\n');
    const { plan, shards } = await planned(manifest, {}, { limits: { textCharactersMax: 20 } });
    const [shard] = shards;
    assert.deepEqual(
      shard?.parts.map(({ line }) => line),
      [1, 11],
    );
    const rejected = shard?.rejected.map(({ line, error }) => [line, error.code, error.field]);
    assert.deepEqual(rejected, [
      [2, 'item_invalid', undefined],
      [3, 'item_duplicate', 'id'],
      [4, 'item_duplicate', 'output'],
      [5, 'text_empty', 'text'],
      [6, 'text_unspeakable', 'text'],
      [7, 'text_unspeakable', 'text'],
      [8, 'voice_not_found', 'voice'],
      [9, 'text_too_long', 'text'],
      [10, 'text_file_unreadable', 'textFile'],
    ]);
    const messages = new Map(shard?.rejected.map(({ line, error }) => [line, error.message]));
    assert.match(messages.get(3) ?? '', /Line 3: the id good is that of line 1 already/);
    assert.match(messages.get(6) ?? '', /😀 🎉/);
    assert.match(messages.get(7) ?? '', /no letter or digit\./);
    assert.match(messages.get(9) ?? '', /21 characters, the limit is 20/);
    assert.equal(shard?.rejected[4]?.item, 'emoji');
    assert.equal(plan.totals.items, 11);
    assert.equal(plan.totals.rejected, 9);
  });

  it('leaves out segments that nothing can be said of, keeps their pause, and names the unknown characters', async () => {
    const { shards } = await planned(jsonLines({ id: 'a', text: 'One. 😀. Two 🎉. 😀' }));
    const part = shards[0]?.parts[0];
    assert.deepEqual(
      part?.segments.map(({ text, pauseAfterMs }) => [text, pauseAfterMs]),
      [
        ['One.', 300],
        ['Two 🎉.', 0],
      ],
    );
    assert.deepEqual(part?.unknownCharacters, ['😀', '🎉']);
  });

  it('refuses words of which the model knows no letter, by name, unless they shall be dropped', async () => {
    const text = 'A café in Москва.';
    const { shards } = await planned(jsonLines({ id: 'a', text }, { id: 'b', text, unsupported: 'drop' }));
    const [rejected] = shards[0]?.rejected ?? [];
    assert.equal(rejected?.error.code, 'text_unspeakable');
    assert.match(rejected?.error.message ?? '', /Line 1: .* a word .*; it lacks М о с к в а$/);
    assert.deepEqual(shards[0]?.parts[0]?.unknownCharacters, ['é', ...'Москва']);
  });

  it('gives a sentence the same key in any job, item and place, and another with another seed', async () => {
    const keyOf = async (manifest: string, more: Partial<JobRequest> = {}) => {
      const { shards } = await planned(manifest, more);
      return shards
        .flatMap(({ parts }) => parts.flatMap(({ segments }) => segments))
        .find(({ text }) => text === 'Same.')?.key;
    };
    const key = await keyOf(jsonLines({ id: 'a', text: 'Same.' }));
    assert.ok(key);
    assert.equal(await keyOf(jsonLines({ id: 'b', text: 'Before. Same. After.' }), { id: 'job' }), key);
    assert.equal(await keyOf(jsonLines({ id: 'a', text: 'Same.', seed: 0 })), key);
    assert.notEqual(await keyOf(jsonLines({ id: 'a', text: 'Same.', seed: 1 })), key);
    assert.notEqual(
      await keyOf(jsonLines({ id: 'a', text: 'Same.' }), { defaults: { voice: 'anna', seed: '1' } }),
      key,
    );
  });

  it('lets the item speak before the job, and the job before the voice', async () => {
    const manifest = jsonLines({ id: 'a', text: 'x', speed: 2, language: 'de' }, { id: 'b', text: 'x' });
    const { shards } = await planned(manifest, { defaults: { voice: 'anna', speed: 0.5 } });
    const [a, b] = shards[0]?.parts ?? [];
    assert.deepEqual([a?.parameters.speed, a?.segments[0]?.language], [2, 'de']);
    assert.deepEqual([b?.parameters.speed, b?.segments[0]?.language], [0.5, 'en']);
    assert.deepEqual(b?.voice, { id: 'anna', version: anna.version, promptSamples: anna.promptSamples });
  });

  it('reads a text file of the manifest, as UTF-8, within the limit of the text', async () => {
    const files: Record<string, Uint8Array> = { 'a.txt': Buffer.from('From a file.'), 'b.txt': Buffer.from([0xc3]) };
    const source = 's3://books/a.jsonl';
    const readTextFile: ReadTextFile = async (path, options) => {
      assert.deepEqual(options, { maxBytes: 3_000_000, source });
      return files[path] ?? assert.fail();
    };
    const manifest = jsonLines({ id: 'a', textFile: 'a.txt' }, { id: 'b', textFile: 'b.txt' });
    const { shards } = await planned(manifest, { source }, { readTextFile });
    assert.equal(shards[0]?.parts[0]?.segments[0]?.text, 'From a file.');
    assert.equal(shards[0]?.rejected[0]?.error.code, 'encoding_invalid');
  });

  it('looks a voice up once, not once an item', async () => {
    let lookups = 0;
    const counting = { ...voices, find: (id: string) => (lookups++, voices.find(id)) };
    await planned(items(50, 10), {}, { voices: counting });
    assert.equal(lookups, 1);
  });

  it('bounds the entries of a shard, however short they are', async () => {
    const { plan, shards } = await planned('bad\n'.repeat(1100));
    assert.deepEqual(
      shards.map(({ rejected }) => rejected.length),
      [512, 512, 76],
    );
    assert.equal(plan.totals.rejected, 1100);
  });
});

describe('a planner that is killed', () => {
  it('starts again and ends with the same objects', async () => {
    const whole = await planned(items(20, 60), { shardSeconds: 2 });
    const store = new MemoryStore();
    const head = await submitted(store, items(20, 60), { shardSeconds: 2 });
    for (const deadly of [shardKey('job', shardName(2)), shardKey('job', shardName(5)), 'jobs/job/plan.json']) {
      store.beforePut = (key) => {
        if (key === deadly) throw new Error('killed');
      };
      await assert.rejects(planJob(head, { ...planning, store }), /killed/);
      assert.equal(store.keys('jobs/job/plan.json').length, 0);
    }
    store.beforePut = () => undefined;
    assert.deepEqual(await planJob(head, { ...planning, store }), whole.plan);
    for (const key of whole.store.keys('jobs/job/plan')) assert.equal(store.text(key), whole.store.text(key), key);
  });

  const killedAt = async (store: MemoryStore, head: JobHead, deadly: string) => {
    store.beforePut = (key) => {
      if (key === deadly) throw new Error('killed');
    };
    await assert.rejects(planJob(head, { ...planning, store }), /killed/);
    store.beforePut = () => undefined;
  };
  const otherVoice = { ...planning, voices: { ...voices, find: async () => ({ ...anna, version: 'anna-2' }) } };
  const voicesOf = async (store: MemoryStore, shards: number) => {
    const versions: string[] = [];
    for (let number = 1; number <= shards; number++) {
      const { parts } = await requireShard(store, 'job', shardName(number));
      versions.push(...parts.map(({ voice }) => voice.version));
    }
    return versions;
  };

  it('never changes a shard that may have been dispatched, and plans what is behind it with what is there now', async () => {
    const store = new MemoryStore();
    const head = await submitted(store, items(6, 60), { shardSeconds: 1 });
    await killedAt(store, head, shardKey('job', shardName(3)));
    const durable = store.keys('jobs/job/plan/');
    assert.ok(
      durable.length > 2 && !durable.includes(shardKey('job', shardName(3))),
      'there is a gap, with shards behind it',
    );
    const settled: number[] = [];
    const plan = await planJob(head, { ...otherVoice, store, onSettled: (shards) => settled.push(shards) });
    assert.deepEqual(await voicesOf(store, plan.shards), ['anna-1', 'anna-1', ...Array<string>(4).fill('anna-2')]);
    assert.deepEqual(settled, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([plan.totals.items, plan.totals.frames], [6, 360]);
  });

  it('agrees with another planner that is at work on the same job with another voice', async () => {
    const store = new MemoryStore();
    const head = await submitted(store, items(40, 60), { shardSeconds: 1 });
    const settled = new Map<number, Set<string>>();
    const watch = (number: number) => {
      const seen = settled.get(number) ?? new Set();
      settled.set(number, seen.add(store.text(shardKey('job', shardName(number)))));
    };
    const plans = await Promise.all([
      planJob(head, { ...planning, store, onSettled: watch }),
      planJob(head, { ...otherVoice, store, onSettled: watch }),
    ]);
    assert.deepEqual(plans[0], plans[1]);
    assert.equal(plans[0].totals.items, 40);
    for (let number = 1; number <= plans[0].shards; number++) watch(number);
    assert.ok(
      [...settled.values()].every((texts) => texts.size === 1),
      'what was settled once stayed as it was',
    );
  });

  it('goes on inside an item, and fails it if it is no longer the same', async () => {
    const long = { id: 'long', text: Array.from({ length: 6 }, () => sentence(80)).join(' ') };
    const manifest = jsonLines({ id: 'first', text: sentence(60) }, long, { id: 'last', text: sentence(60) });
    const whole = await planned(manifest, { shardSeconds: 1.7 });
    for (const [deps, rest] of [
      [planning, 'same'],
      [otherVoice, 'changed'],
      [{ ...planning, voices: { ...voices, find: async () => undefined } }, 'gone'],
    ] as const) {
      const store = new MemoryStore();
      const head = await submitted(store, manifest, { shardSeconds: 1.7 });
      await killedAt(store, head, shardKey('job', shardName(3)));
      const plan = await planJob(head, { ...deps, store });
      assert.equal(plan.totals.items, 3, rest);
      if (rest === 'same') assert.deepEqual(plan, whole.plan);
      else {
        const { rejected } = await requireShard(store, 'job', shardName(3));
        const code = rest === 'changed' ? 'item_invalid' : 'voice_not_found';
        assert.deepEqual([rejected[0]?.line, rejected[0]?.isPart, rejected[0]?.error.code], [2, true, code]);
      }
    }
  });

  it('plans nothing twice', async () => {
    const { store, head, plan } = await planned(items(3, 60));
    store.beforePut = (key) => assert.fail(`wrote ${key}`);
    assert.deepEqual(await planJob(head, { ...planning, store }), plan);
  });
});

describe('a job that cannot be planned', () => {
  it('ends in a plan that says why, when the manifest is unusable as a whole', async () => {
    for (const [manifest, code] of [
      ['', 'manifest_invalid'],
      [items(6, 5), 'manifest_too_large'],
    ] as const) {
      const { plan } = await planned(manifest, {}, { limits: { itemsMax: 5 } });
      assert.equal(plan.error?.code, code);
      assert.equal(plan.shards, 0);
    }
  });

  it('ends in a plan that says so, when it was cancelled', async () => {
    const store = new MemoryStore();
    const head = await submitted(store, items(3, 60));
    await cancelJob('job', { store, now: clock() });
    assert.equal((await planJob(head, { ...planning, store })).error?.code, 'cancelled');
  });

  it('ends with any model once the job is cancelled', async () => {
    const store = new MemoryStore();
    const head = await submitted(store, items(3, 60));
    await cancelJob('job', { store, now: clock() });
    const plan = await planJob(head, { ...planning, model: { ...planning.model, digest: 'other' }, store });
    assert.deepEqual([plan.shards, plan.error?.code], [0, 'cancelled']);
  });

  it('is not decided by another model, a damaged manifest, a store that fails, or a shutdown', async () => {
    const store = new MemoryStore();
    const head = await submitted(store, items(3, 60));
    const plan = (deps: Partial<Parameters<typeof planJob>[1]>) => planJob(head, { ...planning, store, ...deps });
    await assert.rejects(plan({ model: { ...planning.model, digest: 'other' } }), { code: 'model_mismatch' });
    await assert.rejects(plan({ signal: AbortSignal.abort() }), { code: 'cancelled', retryable: true });
    const { NarratorError } = await import('../../../src/core/errors.ts');
    const failing = { ...voices, find: () => Promise.reject(new NarratorError('store_unavailable', 'away')) };
    await assert.rejects(plan({ voices: failing }), { code: 'store_unavailable' });
    await store.put(head.manifest.key, Buffer.from('{"id":"a","text":"x"}\n'));
    await assert.rejects(plan({}), { code: 'ledger_corrupt' });
    assert.deepEqual(store.keys('jobs/job/plan.json'), []);
  });
});

describe('a dry run', () => {
  it('says what planning would come to, and reports every bad line', async () => {
    const manifest = `${items(10, 60)}bad\n`;
    const { plan } = await planned(manifest, { shardSeconds: 2 });
    const rejected: RejectedItem[] = [];
    const totals = await planDryRun(
      { format: 'jsonl', bytes: bytes(manifest) },
      { defaults: { voice: 'anna' }, parameters: { steps: 4, cfg: 2, sway: -1 }, shardSeconds: 2 },
      { ...planning, onRejected: (one) => rejected.push(one) },
    );
    assert.deepEqual(totals, { ...plan.totals, shards: plan.shards });
    assert.deepEqual(
      rejected.map(({ line }) => line),
      [11],
    );
  });
});
