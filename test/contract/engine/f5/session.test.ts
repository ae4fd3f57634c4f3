import assert from 'node:assert/strict';
import { copyFileSync, chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { F5Sessions, listProviders } from '../../../../src/engine/f5/session.ts';
import { timeGrid } from '../../../../src/engine/f5/time-grid.ts';
import { flavourNamed, golden } from '../graph/sampler-fixture.ts';
import { temporaryFolder } from '../../../unit/engine/graph/safetensors-file.ts';
import type { F5SessionOptions, SampleInput } from '../../../../src/engine/f5/session.ts';

const flavour = flavourNamed('v1');
const options: F5SessionOptions = {
  directory: golden.directory,
  weightsFile: flavour.weightsFile,
  vocoderFile: golden.vocoderFile,
  architecture: flavour.architecture,
  provider: 'cpu',
  precision: 'f32',
  threads: 1,
};
const sessions = await F5Sessions.load(options);
after(() => sessions.release());

const FRAMES = 128;
function input(change: Partial<SampleInput> = {}): SampleInput {
  const { text } = golden.utterances[0]!;
  return {
    batch: 1,
    frames: FRAMES,
    noise: Float32Array.from({ length: FRAMES * 100 }, (_, i) => Math.sin(i * 1.7)),
    cond: new Float32Array(FRAMES * 100),
    textLength: text.length,
    text,
    durations: [FRAMES],
    times: timeGrid(7, -1),
    cfg: [2],
    passes: 2,
    ...change,
  };
}

test('the ODE in chunks gives the same bits as in one run, and reports every chunk but the last', async () => {
  const whole = await sessions.sample(input());
  for (const stepsPerRun of [1, 3, 7, 100]) {
    const reported: number[] = [];
    const chunked = await sessions.sample(input({ stepsPerRun, onSteps: (done) => reported.push(done) }));
    assert.deepEqual(chunked, whole);
    assert.deepEqual(reported, { 1: [1, 2, 3, 4, 5, 6], 3: [3, 6], 7: [], 100: [] }[stepsPerRun]);
  }
});

test('a run can be given up between chunks', async () => {
  const stop = new Error('stop');
  const given = input({
    stepsPerRun: 1,
    onSteps: () => {
      throw stop;
    },
  });
  await assert.rejects(sessions.sample(given), stop);
});

test('one pass is the same as guidance of strength 0', async () => {
  const onePass = await sessions.sample(input({ passes: 1 }));
  assert.deepEqual(onePass, await sessions.sample(input({ cfg: [0] })));
  assert.notDeepEqual(onePass, await sessions.sample(input()));
});

test('text longer than the frames is cut, and no text at all is silence to the text encoder, not an error', async () => {
  for (const name of ['v0', 'avg']) {
    const { architecture, weightsFile } = flavourNamed(name);
    const other = await F5Sessions.load({ ...options, architecture, weightsFile });
    const long = Array<number>(FRAMES + 50).fill(3);
    const cut = await other.sample(input({ text: long, textLength: long.length }));
    assert.deepEqual(cut, await other.sample(input({ text: long.slice(0, FRAMES), textLength: FRAMES })));
    const none = await other.sample(input({ text: [-1], textLength: 1 }));
    assert.ok(none.every(Number.isFinite));
    await other.release();
  }
});

test('each item of a batch is vocoded to its own length', async () => {
  const mel = new Float32Array(2 * FRAMES * 100).fill(-5);
  const waves = await sessions.vocode({ batch: 2, frames: FRAMES, mel, start: [0, 100], length: [FRAMES, 2] });
  assert.deepEqual(
    waves.map((wave) => wave.length),
    [127 * 256, 256],
  );
});

test('a wave too short for its mel is refused with its length', async () => {
  await assert.rejects(sessions.mel([new Float32Array(512)]), { code: 'voice_invalid', message: /512 samples.*513/ });
  assert.deepEqual((await sessions.mel([new Float32Array(513)])).frames, [3]);
});

test('a model is loaded from a read-only folder, and through links into another', async () => {
  const [store, linked] = [temporaryFolder(), temporaryFolder()];
  for (const file of [options.weightsFile, options.vocoderFile]) {
    copyFileSync(join(golden.directory, file), join(store, `blob-${file}`));
    symlinkSync(join(store, `blob-${file}`), join(linked, file));
  }
  chmodSync(store, 0o555);
  chmodSync(linked, 0o555);
  const loaded = await F5Sessions.load({ ...options, directory: linked });
  assert.equal(loaded.kernels, 'fused');
  await loaded.release();
  chmodSync(store, 0o755);
  chmodSync(linked, 0o755);
});

test('a provider either works or is refused with what to install: there is no silent fall-back', async () => {
  const providers = await listProviders();
  assert.ok(providers.includes('cpu'));
  const cuda = F5Sessions.load({ ...options, provider: 'cuda' });
  if (providers.includes('cuda')) return (await cuda).release();
  await assert.rejects(cuda, { code: 'provider_unavailable', message: /cuda:install.*It says: / });
});

test('weights that are missing, or of another network, are refused', async () => {
  const load = (change: Partial<F5SessionOptions>): Promise<F5Sessions> => F5Sessions.load({ ...options, ...change });
  await assert.rejects(load({ weightsFile: 'gone.safetensors' }), { code: 'model_not_found' });
  await assert.rejects(load({ weightsFile: 'vocos.safetensors' }), { code: 'model_invalid', message: /another kind/ });
  await assert.rejects(load({ vocoderFile: flavour.weightsFile }), { code: 'model_invalid' });
  const smaller = { ...flavour.architecture, mel_dim: 80 };
  await assert.rejects(load({ architecture: smaller }), { code: 'model_invalid', message: /input_embed\.proj/ });
});
