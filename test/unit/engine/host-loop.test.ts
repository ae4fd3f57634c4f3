import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PreparedVoice } from '../../../src/core/voice.ts';
import { runBatch } from '../../../src/engine/host-loop.ts';
import type { BatchItem, BatchOutcome, BatchSynthesiser } from '../../../src/engine/protocol.ts';

const item = (id: number, voiceVersion = 'v'): BatchItem => ({
  id,
  text: 'Hello.',
  voiceVersion,
  frames: 10,
  seed: '1',
  parameters: { steps: 1, cfg: 0, sway: null, speed: 1 },
});

const voice = { version: 'v' } as PreparedVoice;

/** Keeps the voices that it is given, and answers with `outcomes`. */
function synthesiser(outcomes: (items: readonly BatchItem[]) => BatchOutcome[]): BatchSynthesiser {
  const voices = new Set<string>();
  const statistics = { size: 1, paddedFrames: 128, realFrames: 10, samplerMs: 1, vocoderMs: 1 };
  return {
    info: {} as BatchSynthesiser['info'],
    hasVoice: (version) => voices.has(version),
    addVoice: async ({ version }) => void voices.add(version),
    synthesise: async (items) => ({ outcomes: outcomes(items), statistics }),
    close: async () => {},
  };
}

const good = (items: readonly BatchItem[]): BatchOutcome[] =>
  items.map(({ id }) => ({ id, ok: true, samples: new Float32Array(1), warnings: [] }));

describe('runBatch', () => {
  it('names each voice that it lacks once, and synthesises nothing without it', async () => {
    const never = synthesiser(() => assert.fail('synthesised without its voice'));
    assert.deepEqual(await runBatch(never, [item(0, 'w'), item(1), item(2, 'w')], [voice]), {
      type: 'voices-missing',
      versions: ['w'],
    });
  });

  it('synthesises when it has all voices', async () => {
    const reply = await runBatch(synthesiser(good), [item(0), item(1)], [voice]);
    assert.ok(reply.type === 'done');
    assert.deepEqual(
      reply.outcomes.map(({ id, ok }) => ({ id, ok })),
      [
        { id: 0, ok: true },
        { id: 1, ok: true },
      ],
    );
  });

  for (const [what, broken] of [
    ['too few outcomes', (items: readonly BatchItem[]) => good(items).slice(1)],
    ['too many outcomes', (items: readonly BatchItem[]) => [...good(items), ...good(items)]],
    ['outcomes out of order', (items: readonly BatchItem[]) => good(items).reverse()],
  ] as const) {
    it(`refuses ${what}: no segment may get the words of another`, async () => {
      await assert.rejects(runBatch(synthesiser(broken), [item(0), item(1)], [voice]), { code: 'internal' });
    });
  }
});
