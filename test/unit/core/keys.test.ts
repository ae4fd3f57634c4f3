import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson, sha256Hex } from '../../../src/core/canonical-json.ts';
import { indexKey, segmentDigest, shardName, shardNumber } from '../../../src/core/keys.ts';
import { segmentSeed, takeSeed } from '../../../src/core/seeds.ts';

describe('names of shards', () => {
  it('sort by bytes as their numbers do, past 999,999 as well', () => {
    const numbers = [1, 2, 9, 10, 999_999, 1_000_000, 1_000_001, 9_999_999, 10_000_000, 123_456_789];
    const names = numbers.map(shardName);
    assert.equal(names[0], 'shard-000001');
    assert.equal(names[5], 'shard-a1000000');
    assert.deepEqual([...names].sort(), names);
    assert.deepEqual(names.map(shardNumber), numbers);
  });

  it('are told from anything else', () => {
    for (const name of ['shard-1', 'shard-000000', 'shard-b1000000', 'shard-a0000001', 'x', 'shard-000001.json']) {
      assert.equal(shardNumber(name), undefined, name);
    }
    assert.throws(() => shardName(0), RangeError);
  });
});

describe('the index over jobs', () => {
  it('lists the newest first', () => {
    const keys = ['2026-03-01', '2026-01-01', '2026-02-01'].map((day) => indexKey(day, new Date(day)));
    assert.deepEqual(
      keys.sort().map((key) => key.slice(-10)),
      ['2026-03-01', '2026-02-01', '2026-01-01'],
    );
  });
});

describe('the name of a sound', () => {
  const parameters = { steps: 32, cfg: 2, sway: -1, speed: 1 };
  const identity = { text: 'Hello.', voiceVersion: 'v', modelDigest: 'm', parameters, seed: '1' };

  it('changes with everything that can be heard, and with nothing else', () => {
    const digests = [
      identity,
      { ...identity, text: 'Hello!' },
      { ...identity, voiceVersion: 'w' },
      { ...identity, modelDigest: 'n' },
      { ...identity, seed: '2' },
      { ...identity, parameters: { ...parameters, steps: 16 } },
      { ...identity, parameters: { ...parameters, cfg: 1 } },
      { ...identity, parameters: { ...parameters, sway: null } },
      { ...identity, parameters: { ...parameters, speed: 1.1 } },
    ].map(segmentDigest);
    assert.equal(new Set(digests).size, digests.length);
    const reordered = { seed: '1', parameters: { speed: 1, sway: -1, cfg: 2, steps: 32 }, modelDigest: 'm' };
    assert.equal(segmentDigest({ ...reordered, voiceVersion: 'v', text: 'Hello.' }), digests[0]);
  });

  it('stays the same over releases: stored segments depend on it', () => {
    assert.equal(segmentDigest(identity), sha);
  });
  const sha = '945bad26771ea662a59d13793364ae1549552435a3310804de0a637fc6f4c975';
});

describe('seeds', () => {
  it('depend on base seed, text and language, and fit 64 bits', () => {
    const seeds = [
      segmentSeed('0', 'Hello.', 'en'),
      segmentSeed('1', 'Hello.', 'en'),
      segmentSeed('0', 'Hello!', 'en'),
      segmentSeed('0', 'Hello.', 'de'),
    ];
    assert.equal(new Set(seeds).size, 4);
    assert.equal(segmentSeed('0', 'Hello.', 'en'), seeds[0]);
    for (const seed of seeds) assert.ok(BigInt(seed) >= 0n && BigInt(seed) < 2n ** 64n);
  });

  it('stay the same over releases: those of canonical JSON', () => {
    const of = (value: unknown) => BigInt(`0x${sha256Hex(canonicalJson(value)).slice(0, 16)}`).toString();
    assert.equal(segmentSeed('0', 'Hello.', 'en'), of({ v: 1, seed: '0', text: 'Hello.', language: 'en' }));
    assert.equal(takeSeed('5', 2), of({ v: 1, seed: '5', take: 2 }));
  });

  it('of further takes differ; the first take has the segment’s own', () => {
    assert.equal(takeSeed('5', 1), '5');
    assert.equal(new Set([takeSeed('5', 1), takeSeed('5', 2), takeSeed('5', 3)]).size, 3);
  });
});

describe('canonical JSON', () => {
  it('sorts keys at every depth, leaves out what is undefined, and keeps the order of lists', () => {
    const value = { b: [{ z: 1, y: null }, 'ä"'], a: undefined, A: 1e21, c: -0 };
    assert.equal(canonicalJson(value), '{"A":1e+21,"b":[{"y":null,"z":1},"ä\\""],"c":0}');
  });

  it('refuses what JSON cannot carry', () => {
    assert.throws(() => canonicalJson({ a: Number.NaN }), TypeError);
    assert.throws(() => canonicalJson([undefined]), TypeError);
    assert.throws(() => canonicalJson(1n), TypeError);
  });
});
