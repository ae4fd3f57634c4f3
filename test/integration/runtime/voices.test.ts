import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MemoryStore } from '../../../src/adapters/store-memory.ts';
import { type Model, openModel } from '../../../src/engine/f5/model-directory.ts';
import { Voices } from '../../../src/runtime/voices.ts';

const MODEL = join(import.meta.dirname, '..', '..', '..', 'models', 'tiny');
/** Other words than those of the built-in voice: else it would be that one. */
const CLIP = {
  audio: join(MODEL, 'voices/rms.wav'),
  text: 'The weather was warm this morning, and we walked to the market.',
};

let model: Model;
let home: string;
before(async () => {
  model = await openModel(MODEL);
  home = await mkdtemp(join(tmpdir(), 'f5-narrator-'));
});
after(() => rm(home, { recursive: true }));

const names = async (voices: Voices) => (await voices.list()).map(({ id }) => id);

describe('the voices of processes that share a store', () => {
  it('are one set, of which every process knows the built-in ones', async () => {
    const store = new MemoryStore();
    const [here, there] = [await Voices.open({ store, home }, model), await Voices.open({ store, home }, model)];
    const builtIn = await names(there);
    assert.ok(builtIn.length > 0);
    const { profile } = await here.add('me', CLIP);
    assert.deepEqual(await names(there), [...builtIn, 'me'].sort());
    assert.equal((await there.load(profile.version)).promptSamples, profile.promptSamples);
    const atHome = await Voices.open({ home }, model);
    assert.deepEqual(await names(atHome), builtIn);
  });

  it('can be borrowed by one and spoken with by another, and are listed by none', async () => {
    const store = new MemoryStore();
    const [here, there] = [await Voices.open({ store, home }, model), await Voices.open({ store, home }, model)];
    const { id } = await here.borrow(CLIP);
    assert.equal((await here.borrow(CLIP)).id, id);
    const found = (await there.find(id)) ?? assert.fail('it is not found');
    const [mine, theirs] = [await here.load(found.version), await there.load(found.version)];
    assert.deepEqual(theirs, mine);
    for (const voices of [here, there]) assert.ok(!(await names(voices)).includes(id));
    assert.equal(await there.remove(id), false);
  });

  it('that are borrowed without a shared store stay in their process', async () => {
    const [here, there] = [await Voices.open({ home }, model), await Voices.open({ home }, model)];
    const { id } = await here.borrow(CLIP);
    assert.notEqual(await here.find(id), undefined);
    assert.equal(await there.find(id), undefined);
  });
});
