import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { borrowedId, currentVoiceKey, promptKey } from '../../../src/core/keys.ts';
import type { PreparedVoice } from '../../../src/core/voice.ts';
import { StoredVoices, voiceVersion } from '../../../src/core/voices.ts';
import { MemoryStore } from './memory-store.ts';

function voice(id: string, transcript = 'Hello. '): PreparedVoice {
  const samples = Float32Array.from({ length: 10 }, (_, at) => Math.fround(Math.sin(at)));
  const content = { language: 'en', transcript, samples, sampleRateHz: 24_000, sourceRms: 0.05 };
  return { id, version: voiceVersion(content), ...content, promptSamples: samples.length };
}
const profile = ({ samples: _samples, sampleRateHz: _rate, ...rest }: PreparedVoice) => rest;

describe('voices', () => {
  it('are found by name and loaded by version, sample for sample, by any process', async () => {
    const store = new MemoryStore();
    const anna = voice('anna');
    assert.deepEqual(await new StoredVoices({ store }).add(anna), profile(anna));
    const others = new StoredVoices({ store });
    assert.deepEqual(await others.find('anna'), profile(anna));
    assert.deepEqual(await others.load(anna.version), anna);
  });

  it('keep earlier versions for the jobs that were planned with them', async () => {
    const voices = new StoredVoices({ store: new MemoryStore() });
    const [first, second] = [voice('anna'), voice('anna', 'Other words. ')];
    await voices.add(first);
    await voices.add(second);
    await voices.add(second);
    assert.equal((await voices.find('anna'))?.version, second.version);
    assert.equal((await voices.load(first.version)).transcript, 'Hello. ');
  });

  it('stand beside the built-in ones, which cannot be replaced or removed', async () => {
    const builtIn = voice('narrator');
    const voices = new StoredVoices({ store: new MemoryStore(), builtIn: [builtIn] });
    await voices.add(voice('anna'));
    assert.deepEqual(
      (await voices.list()).map(({ id }) => id),
      ['anna', 'narrator'],
    );
    assert.deepEqual(await voices.load(builtIn.version), builtIn);
    assert.equal(voices.isBuiltIn(builtIn), true);
    await assert.rejects(voices.add(voice('narrator', 'x. ')), { code: 'voice_invalid' });
    assert.equal(await voices.remove('narrator'), false);
    assert.ok(await voices.find('narrator'));
  });

  it('go with all their versions when they are removed', async () => {
    const store = new MemoryStore();
    const voices = new StoredVoices({ store });
    const first = voice('anna');
    await voices.add(first);
    await voices.add(voice('anna', 'x. '));
    assert.equal(await voices.remove('anna'), true);
    assert.deepEqual(store.keys(), []);
    assert.equal(await voices.find('anna'), undefined);
    await assert.rejects(voices.load(first.version), { code: 'voice_not_found' });
    assert.equal(await voices.remove('anna'), false);
  });

  it('are not found by a bad name, and not added under one', async () => {
    const voices = new StoredVoices({ store: new MemoryStore() });
    for (const id of ['', '../x', 'a/b', 'a b', 'ä', 'x'.repeat(65)]) {
      assert.equal(await voices.find(id), undefined);
      await assert.rejects(voices.add(voice(id)), { code: 'voice_invalid' });
      assert.equal(await voices.remove(id), false);
    }
  });

  it('that are damaged in the store are refused, not spoken with', async () => {
    const store = new MemoryStore();
    const voices = new StoredVoices({ store });
    const anna = await voices.add(voice('anna'));
    await store.put(promptKey('anna', anna.version), new Uint8Array(40));
    await assert.rejects(voices.load(anna.version), { code: 'ledger_corrupt' });
    await store.put(currentVoiceKey('anna'), Buffer.from('{"v":1}'));
    await assert.rejects(voices.find('anna'), { code: 'ledger_corrupt', message: /voices\/anna\/current\.json/ });
  });

  const borrowed = () => ({ ...voice('anna'), id: borrowedId(voice('anna').version) });
  const DAY_MS = 24 * 3_600_000;

  it('that are borrowed are found and loaded by any process, and listed by none', async () => {
    const store = new MemoryStore();
    const lent = borrowed();
    await new StoredVoices({ store }).borrow(lent, new Date());
    const others = new StoredVoices({ store });
    assert.deepEqual(await others.find(lent.id), profile(lent));
    assert.deepEqual(await others.load(lent.version), lent);
    assert.deepEqual(await others.list(), []);
    await assert.rejects(others.add(lent), { code: 'voice_invalid', message: /kept for borrowed voices/ });
  });

  it('that are borrowed again are written again once a day, and swept a week after that', async () => {
    const store = new MemoryStore();
    const voices = new StoredVoices({ store });
    const lent = borrowed();
    const begin = Date.now();
    let puts = 0;
    store.beforePut = () => (puts += 1);
    await voices.borrow(lent, new Date(begin));
    await voices.borrow(lent, new Date(begin + DAY_MS / 2));
    assert.equal(puts, 2);
    await voices.borrow(lent, new Date(begin + 1.5 * DAY_MS));
    assert.equal(puts, 4);
    await voices.sweepBorrowed(new Date(begin + 6 * DAY_MS));
    assert.notEqual(await voices.find(lent.id), undefined);
    await voices.sweepBorrowed(new Date(begin + 8 * DAY_MS));
    assert.equal(await voices.find(lent.id), undefined);
    await assert.rejects(voices.load(lent.version), { code: 'voice_not_found' });
  });

  it('have a version that changes with everything that can be heard', () => {
    const content = voice('anna');
    const versions = [
      content,
      { ...content, transcript: 'x' },
      { ...content, sourceRms: 0.06 },
      { ...content, sampleRateHz: 16_000 },
      { ...content, samples: content.samples.map((sample) => -sample) },
    ].map(voiceVersion);
    assert.equal(new Set(versions).size, versions.length);
    assert.match(versions[0] ?? '', /^[0-9a-f]{64}$/);
  });
});
