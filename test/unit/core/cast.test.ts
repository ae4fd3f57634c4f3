import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cast } from '../../../src/core/cast.ts';
import type { VoiceMention } from '../../../src/core/ports.ts';
import type { VoiceLibrary } from '../../../src/core/voice.ts';
import { anna, voices } from './fakes.ts';

const place = { line: 2, column: 7 };

/** A library that counts what it is asked for. */
function counting(more: Partial<VoiceLibrary> = {}) {
  const asked: string[] = [];
  const library: VoiceLibrary = {
    ...voices,
    find: async (id) => {
      asked.push(id);
      return voices.find(id);
    },
    list: async () => {
      asked.push('list');
      return voices.list();
    },
    ...more,
  };
  return { asked, cast: new Cast(library) };
}

describe('the voices of a text', () => {
  it('are looked up once each, over all items', async () => {
    const { asked, cast } = counting();
    await cast.ofItem('anna', 1);
    for (let item = 0; item < 3; item += 1) {
      assert.deepEqual(await cast.ofText([{ name: 'anna', place }, { name: 'sic' }]), new Map([['anna', anna]]));
    }
    assert.deepEqual(asked, ['anna', 'sic']);
  });

  it('are an error with place, the voices that there are and the nearest one', async () => {
    const { asked, cast } = counting();
    for (let item = 0; item < 2; item += 1) {
      await assert.rejects(cast.ofText([{ name: 'annna', place }]), {
        code: 'voice_not_found',
        message:
          'Line 2, column 7 of the text names the voice "annna", which is not there; there are anna; did you mean "anna"?',
      });
    }
    assert.deepEqual(asked, ['annna', 'list']);
  });

  it('are listed once where a text has very many names in brackets', async () => {
    const { asked, cast } = counting();
    const mentions: VoiceMention[] = Array.from({ length: 1000 }, (_, at) => ({ name: `n${at}` }));
    assert.deepEqual(await cast.ofText([...mentions, { name: 'anna' }]), new Map([['anna', anna]]));
    assert.deepEqual(asked, ['list']);
  });

  it('can be listed again when that failed', async () => {
    let fails = true;
    const { cast } = counting({
      list: async () => {
        if (fails) throw new Error('gone');
        return [anna];
      },
    });
    await assert.rejects(cast.ofText([{ name: 'zoe', place }]), /gone/);
    fails = false;
    await assert.rejects(cast.ofText([{ name: 'zoe', place }]), { code: 'voice_not_found' });
  });
});
