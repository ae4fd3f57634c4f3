import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BatchPolicy,
  bucketFrames,
  firstComePolicy,
  leastPaddingPolicy,
  paddedFrames,
  paddingWaste,
  type WaitingSegment,
} from '../../../src/engine/batch-policy.ts';
import { BATCH_PRESETS } from '../../../src/engine/presets.ts';

const CUDA = BATCH_PRESETS.cuda;
const POLICIES = Object.entries({ leastPaddingPolicy, firstComePolicy });

interface Numbered extends WaitingSegment {
  readonly number: number;
}

function segments(frames: readonly number[], fields: Partial<WaitingSegment> = {}): Numbered[] {
  return frames.map((length, number) => ({ number, frames: length, arrivedAtMs: 0, compatibility: '', ...fields }));
}

/** A small seeded generator (mulberry32): the same cases on every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Narrated prose: sentences of log-normal length, packed up to 22 s with a prompt of 5 to 10 s, 15 bytes a second. */
function narratedFrames(count: number, random: () => number): number[] {
  const framesPerSecond = 24_000 / 256;
  const sentenceSeconds = (): number => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.exp(Math.log(70) + 0.6 * normal) / 15;
  };
  const lengths: number[] = [];
  while (lengths.length < count) {
    const prompt = [5.2, 6.5, 7.9, 9.8][Math.floor(random() * 4)] ?? 5;
    const sentencesOfParagraph = 1 + Math.floor(random() * 6);
    let seconds = prompt;
    for (let sentence = 0; sentence < sentencesOfParagraph; sentence += 1) {
      const next = Math.min(sentenceSeconds(), 22 - prompt);
      if (seconds + next > 22) {
        lengths.push(Math.floor(seconds * framesPerSecond));
        seconds = prompt;
      }
      seconds += next;
    }
    lengths.push(Math.floor(seconds * framesPerSecond));
  }
  return lengths.slice(0, count);
}

/** Keeps `depth` segments waiting until all have gone. */
function runAll(all: readonly Numbered[], depth: number, policy: BatchPolicy, options = CUDA): Numbered[][] {
  const coming = [...all];
  let waiting = coming.splice(0, depth);
  const batches: Numbered[][] = [];
  while (waiting.length > 0) {
    const batch = policy(waiting, options);
    assert.ok(batch.length > 0, 'something waits, so something goes');
    batches.push(batch);
    waiting = waiting.filter((segment) => !batch.includes(segment));
    waiting.push(...coming.splice(0, depth - waiting.length));
  }
  return batches;
}

for (const [name, policy] of POLICIES) {
  describe(`${name}, over random queues`, () => {
    const random = randomNumbers(7);
    const cases = Array.from({ length: 60 }, () => ({
      waiting: Array.from(
        { length: 1 + Math.floor(random() * 60) },
        (_, number): Numbered => ({
          number,
          frames: 1 + Math.floor(random() ** 2 * 3000),
          arrivedAtMs: number * 1000,
          compatibility: random() < 0.3 ? 'unguided' : 'guided',
        }),
      ),
      options: {
        budgetFrames: 1 + Math.floor(random() * 9000),
        maxItems: 1 + Math.floor(random() * 12),
        equalBucketsOnly: random() < 0.3,
        lingerMs: 0,
        ageLimitMs: random() * 40_000,
      },
    }));

    it('loses nothing and doubles nothing', () => {
      for (const { waiting, options } of cases) {
        const numbers = runAll(waiting, 20, policy, options).flat();
        assert.deepEqual(
          numbers.map(({ number }) => number).sort((a, b) => a - b),
          waiting.map(({ number }) => number),
        );
      }
    });

    it('always takes the oldest, mixes only what is compatible, and keeps to its limits', () => {
      for (const { waiting, options } of cases) {
        const batch = policy(waiting, options);
        assert.equal(batch[0], waiting[0]);
        assert.ok(batch.length <= options.maxItems);
        assert.ok(batch.length === 1 || paddedFrames(batch) <= options.budgetFrames);
        assert.equal(new Set(batch.map(({ compatibility }) => compatibility)).size, 1);
        if (options.equalBucketsOnly) assert.equal(new Set(batch.map(({ frames }) => bucketFrames(frames))).size, 1);
      }
    });

    it('gives the batch in order of arrival', () => {
      for (const { waiting, options } of cases) {
        const numbers = policy(waiting, options).map(({ number }) => number);
        assert.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
        );
      }
    });
  });
}

describe('leastPaddingPolicy', () => {
  it('chooses nothing when nothing waits', () => {
    assert.deepEqual(leastPaddingPolicy([], CUDA), []);
  });

  it('lets a segment beyond the budget go, alone', () => {
    const waiting = segments([10_000, 100]);
    assert.deepEqual(leastPaddingPolicy(waiting, CUDA), waiting.slice(0, 1));
  });

  it('seats the nearest lengths beside the oldest', () => {
    const waiting = segments([1000, 200, 990, 1010, 2000, 1024]);
    const batch = leastPaddingPolicy(waiting, { ...CUDA, maxItems: 4 });
    assert.deepEqual(
      batch.map(({ frames }) => frames),
      [1000, 990, 1010, 1024],
    );
  });

  it('prefers padding one shorter segment to padding all that are seated', () => {
    const waiting = segments([512, 512, 512, 640, 384]);
    const batch = leastPaddingPolicy(waiting, { ...CUDA, maxItems: 4 });
    assert.deepEqual(
      batch.map(({ frames }) => frames),
      [512, 512, 512, 384],
    );
  });

  it('still takes a fitting shorter one when a longer one would break the budget', () => {
    const waiting = segments([512, 640, 128]);
    const batch = leastPaddingPolicy(waiting, { ...CUDA, budgetFrames: 1100 });
    assert.deepEqual(
      batch.map(({ frames }) => frames),
      [512, 128],
    );
  });

  it('seats who arrived with the oldest before a better fit that came later than the age limit', () => {
    const waiting: Numbered[] = [1000, 300, 1000].map((frames, number) => ({
      number,
      frames,
      arrivedAtMs: [0, 10, 5000][number] ?? 0,
      compatibility: '',
    }));
    const numbersWith = (ageLimitMs: number): number[] =>
      leastPaddingPolicy(waiting, { ...CUDA, maxItems: 2, ageLimitMs }).map(({ number }) => number);
    assert.deepEqual(numbersWith(1000), [0, 1]);
    assert.deepEqual(numbersWith(60_000), [0, 2]);
  });

  it('fills the batch with later arrivals once the timely ones are seated', () => {
    const waiting = segments([1000, 1000]).map((segment, index) => ({ ...segment, arrivedAtMs: index * 1e9 }));
    assert.equal(leastPaddingPolicy(waiting, CUDA).length, 2);
  });

  it('wastes at most 5 % on narrated prose with 64 segments waiting, rounding to buckets included', () => {
    const prose = segments(narratedFrames(2000, randomNumbers(1)));
    const waste = paddingWaste(runAll(prose, 64, leastPaddingPolicy));
    const firstCome = paddingWaste(runAll(prose, 64, firstComePolicy));
    assert.ok(waste <= 0.05, `wasted ${waste}`);
    assert.ok(waste < firstCome / 3, `${waste} against ${firstCome} first come, first served`);
  });
});

describe('bucketFrames', () => {
  it('rounds up in steps of 32, and never below what the kernels need', () => {
    assert.deepEqual([1, 128, 129, 160, 161].map(bucketFrames), [128, 128, 160, 160, 192]);
  });
});

describe('paddingWaste', () => {
  it('is the share of computed frames that nobody asked for', () => {
    assert.equal(paddingWaste([segments([128, 64])]), 1 - 192 / 256);
    assert.equal(paddingWaste([segments([128]), segments([64])]), 1 - 192 / 256);
    assert.equal(paddingWaste([]), 0);
  });
});

describe('the cpu preset', () => {
  it('runs one segment at a time, in order of arrival', () => {
    const batches = runAll(segments([300, 900, 300, 310]), 4, leastPaddingPolicy, BATCH_PRESETS.cpu);
    assert.deepEqual(
      batches.map((batch) => batch.map(({ number }) => number)),
      [[0], [1], [2], [3]],
    );
  });
});
