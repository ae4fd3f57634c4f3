/** What every SynthesisEngine promises; run against each implementation by engine.test.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SynthesisedSpeech, SynthesisEngine, SynthesisRequest } from '../../src/core/ports.ts';

export interface EngineUnderTest<Engine extends SynthesisEngine> {
  /** a new engine, not started: batches of at least 8, whatever it batches otherwise */
  create(): Engine;
  /** the `index`-th request (0 to 7): all different, and of different length */
  request(index: number): SynthesisRequest;
  /** a request that fails by itself, and the code that it fails with */
  readonly failing: { readonly request: SynthesisRequest; readonly code: string };
  /** takes down whatever the model runs in */
  crash(engine: Engine): void;
}

const SAMPLES_OF_A_FRAME = 256;
const INDEXES = [0, 1, 2, 3, 4, 5, 6, 7];

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? 'an error without a code',
  );

function assertSameSound(actual: SynthesisedSpeech, expected: SynthesisedSpeech, when: string): void {
  assert.equal(actual.sampleRateHz, expected.sampleRateHz);
  assert.ok(
    Buffer.from(actual.samples.buffer, actual.samples.byteOffset, actual.samples.byteLength).equals(
      Buffer.from(expected.samples.buffer, expected.samples.byteOffset, expected.samples.byteLength),
    ),
    `the same bytes ${when}`,
  );
}

export function testEngine<Engine extends SynthesisEngine>(name: string, underTest: EngineUnderTest<Engine>): void {
  const { failing } = underTest;
  const create = (): Engine => underTest.create();
  const request = (index: number): SynthesisRequest => underTest.request(index);
  describe(`${name} keeps the engine's contract`, () => {
    let engine: Engine;
    const alone: SynthesisedSpeech[] = [];

    before(async () => {
      engine = create();
      await engine.start();
      for (const index of INDEXES) alone.push(await engine.synthesise(request(index)));
    });
    after(() => engine.close());

    const assertAsAlone = (speech: SynthesisedSpeech, index: number, when: string): void => {
      const expected = alone[index];
      assert.ok(expected);
      assertSameSound(speech, expected, when);
    };

    it('starts once, however often it is told to', async () => {
      const [one, two] = await Promise.all([engine.start(), engine.start()]);
      assert.deepEqual(one, two);
      assert.match(one.modelDigest, /./);
    });

    it('gives speech of the predicted length, to a frame, at the rate of its model', async () => {
      const { sampleRateHz } = await engine.start();
      for (const [index, speech] of alone.entries()) {
        assert.equal(speech.sampleRateHz, sampleRateHz);
        assert.ok(Math.abs(speech.samples.length - request(index).frames * SAMPLES_OF_A_FRAME) <= SAMPLES_OF_A_FRAME);
      }
    });

    it('gives different requests different sounds', () => {
      const [first, ...others] = alone.map(({ samples }) => samples.slice(0, 2048));
      for (const other of others) assert.notDeepEqual(other, first);
    });

    it('gives an equal request equal bytes: again, in a batch of 8, in another order', async () => {
      assertAsAlone(await engine.synthesise(request(0)), 0, 'again');
      const batch = await Promise.all(INDEXES.map((index) => engine.synthesise(request(index))));
      for (const [index, speech] of batch.entries()) assertAsAlone(speech, index, 'in a batch of 8');
      const reversed = await Promise.all(INDEXES.toReversed().map((index) => engine.synthesise(request(index))));
      for (const [place, speech] of reversed.entries()) assertAsAlone(speech, 7 - place, 'in another order');
    });

    it('gives an equal request equal bytes in another process', async () => {
      const other = create();
      try {
        assertAsAlone(await other.synthesise(request(1)), 1, 'in another process');
      } finally {
        await other.close();
      }
    });

    it('fails a failing request alone', async () => {
      const mates = [0, 1].map((index) => engine.synthesise(request(index)));
      assert.equal(await codeOf(engine.synthesise(failing.request)), failing.code);
      for (const [index, speech] of (await Promise.all(mates)).entries())
        assertAsAlone(speech, index, 'beside a failure');
    });

    it('rejects an aborted request as cancelled, before and while it runs, and spares its mates', async () => {
      assert.equal(await codeOf(engine.synthesise(request(0), { signal: AbortSignal.abort() })), 'cancelled');
      const controller = new AbortController();
      const aborted = codeOf(engine.synthesise(request(0), { signal: controller.signal }));
      const mate = engine.synthesise(request(1));
      controller.abort();
      assert.equal(await aborted, 'cancelled');
      assertAsAlone(await mate, 1, 'beside a cancelled one');
    });

    it('gives equal bytes after a crash, which costs at most what was running', async () => {
      underTest.crash(engine);
      assert.match(await codeOf(engine.synthesise(request(2))), /^(ok|engine_crashed)$/);
      assertAsAlone(await engine.synthesise(request(2)), 2, 'after a crash');
    });

    it('rejects what waits when it is closed, and whatever comes later; closing twice is closing once', async () => {
      const closing = create();
      await closing.start();
      const codes = INDEXES.map((index) => codeOf(closing.synthesise(request(index))));
      await Promise.all([closing.close(), closing.close()]);
      assert.ok((await Promise.all(codes)).every((code) => code === 'ok' || code === 'engine_stopped'));
      assert.equal(await codeOf(closing.synthesise(request(0))), 'engine_stopped');
      assert.equal(await codeOf(closing.start()), 'engine_stopped');
    });

    it('can be closed before it was ever started', async () => {
      await create().close();
    });
  });
}
