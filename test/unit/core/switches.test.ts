/** Voices and speeds that a text switches to, from the plan to the sidecar. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanDeps } from '../../../src/core/plan-items.ts';
import { planDryRun } from '../../../src/core/planner.ts';
import { segmentDigest } from '../../../src/core/keys.ts';
import { type ItemPart, mannerOf, type RejectedItem, shardPlanSchema } from '../../../src/core/shard.ts';
import type { VoiceProfile } from '../../../src/core/voice.ts';
import { voicesNamed } from '../../../src/text/markup.ts';
import { segmentText } from '../../../src/text/segment-text.ts';
import { anna, bytes, jsonLines, model, planning, voices } from './fakes.ts';
import { house } from './house.ts';

const ben: VoiceProfile = { ...anna, id: 'ben', version: 'ben-1', promptSamples: 900 };
const both = [anna, ben];
const deps: PlanDeps = {
  ...planning,
  // what ben says takes a second pass earlier
  model: { ...model, maxTextBytes: (voice, speed) => (voice.id === 'ben' ? 30 : 80) * speed },
  voices: { ...voices, find: async (id) => both.find((one) => one.id === id), list: async () => both },
  segmentText,
  voicesNamed,
};

async function planned(...items: object[]): Promise<{ parts: ItemPart[]; rejected: RejectedItem[] }> {
  const parts: ItemPart[] = [];
  const rejected: RejectedItem[] = [];
  await planDryRun(
    { format: 'jsonl', bytes: bytes(jsonLines(...items)) },
    { parameters: { steps: 4, cfg: 2, sway: -1 }, defaults: { voice: 'anna' }, shardSeconds: 60 },
    { ...deps, onPart: (part) => parts.push(part), onRejected: (one) => rejected.push(one) },
  );
  return { parts, rejected };
}

const DIALOGUE =
  '[anna] Good morning.\n[ben] Good morning, and how are you on this day?\n[main] [speed 0.5]Fine.[/speed]';

describe('switches in a text', () => {
  it('give segments the voice and the speed of their own, with their limits, lengths and keys', async () => {
    const { parts } = await planned({ id: 'a', text: DIALOGUE, markup: 'tags' });
    const [part] = parts;
    assert.ok(part);
    assert.deepEqual(
      part.segments.map(({ text, voice, speed, frames }) => [text, voice?.id, speed, frames]),
      [
        ['Good morning.', undefined, undefined, 13],
        ['Good morning,', 'ben', undefined, 13],
        ['and how are you on this day?', 'ben', undefined, 28],
        ['Fine.', undefined, 0.5, 10],
      ],
    );
    assert.deepEqual(part.segments[1]?.voice, { id: 'ben', version: 'ben-1', promptSamples: 900 });
    for (const segment of part.segments) {
      const { voice, parameters } = mannerOf(part, segment);
      const { key, text, seed } = segment;
      assert.equal(
        key,
        segmentDigest({ text, voiceVersion: voice.version, modelDigest: model.digest, parameters, seed }),
      );
    }
    const shard = {
      v: 1,
      jobId: 'j',
      shardId: 's',
      modelDigest: 'm',
      previous: '',
      characters: 0,
      parts,
      rejected: [],
    };
    assert.deepEqual(shardPlanSchema.parse(JSON.parse(JSON.stringify(shard))).parts, parts);
  });

  it('change nothing where there are none: keys are what they were before there were switches', async () => {
    const markdown = '# One\n\nTwo is here. [pause 1s] Three.';
    const plain = 'Plain [text] stays. It has two sentences that are long enough.';
    const { parts } = await planned(
      { id: 'a', text: markdown, markup: 'markdown', speed: 1.25, seed: 7 },
      { id: 'b', text: plain },
      { id: 'c', text: plain, markup: 'tags' },
      { id: 'd', text: `[voice:anna]${plain}`, markup: 'tags' },
    );
    const keys = parts.map(({ segments }) => segments.map(({ key, voice, speed }) => [key, voice, speed]));
    const unchanged = (...expected: string[]) => expected.map((key) => [key, undefined, undefined]);
    const ofPlain = unchanged('d6e710730ee2254e3badce008fb75a634f3093c820d15918c925a068c5c21d22');
    assert.deepEqual(keys, [
      unchanged(
        'd6ef48b88a3ebe1f02c2d4d730ceb73d085b8b1dc618528870e45730c7fe54c4',
        'cb05b574f2e1150f0fc3ba3afbd6fb527dd2fe7fd641370afcc45c259a24f55f',
        '75ab63d55fe5b5439e0b571ee83ab98938edfa2229c3538e16a38a1f91d79f1e',
      ),
      ofPlain,
      ofPlain,
      ofPlain,
    ]);
  });

  it('to a voice that there is not are an error with line, field and place, and the other items go on', async () => {
    const { parts, rejected } = await planned(
      { id: 'a', text: 'One.\n\nTwo [voice:zoe]three.', markup: 'tags' },
      { id: 'b', text: '<speak><voice name="zoe">x</voice></speak>', markup: 'ssml' },
      { id: 'c', text: '[zoe] is text.', markup: 'tags' },
      { id: 'd', text: '[voice:zoe] is text.' },
      { id: 'e', text: 'One [speed 9]two[/speed].', markup: 'tags' },
    );
    assert.deepEqual(
      parts.map(({ item }) => item),
      ['c', 'd'],
    );
    assert.deepEqual(
      rejected.map(({ line, item, error }) => [line, item, error.code, error.field, error.message]),
      [
        [
          1,
          'a',
          'voice_not_found',
          'text',
          'Line 3, column 5 of the text names the voice "zoe", which is not there; there are anna, ben.',
        ],
        [
          2,
          'b',
          'voice_not_found',
          'text',
          'Line 1, column 8 of the text names the voice "zoe", which is not there; there are anna, ben.',
        ],
        [
          5,
          'e',
          'item_invalid',
          'text',
          'Line 1, column 5 of the text has [speed 9], which is beyond the limits of 0.5 and 2.',
        ],
      ],
    );
  });

  it('reach the engine and the item’s JSON', async () => {
    const { controller, submit, workAll, engine, results } = house({ planning: deps });
    await submit('job', jsonLines({ id: 'a', text: DIALOGUE, markup: 'tags' }), { shardSeconds: 60 });
    await controller.pass();
    await workAll();
    assert.deepEqual(
      engine.requests.map(({ text, voiceVersion, promptSamples, parameters }) => [
        text,
        voiceVersion,
        promptSamples,
        parameters.speed,
      ]),
      [
        ['Good morning.', 'anna-1', 500, 1],
        ['Good morning,', 'ben-1', 900, 1],
        ['and how are you on this day?', 'ben-1', 900, 1],
        ['Fine.', 'anna-1', 500, 0.5],
      ],
    );
    const sidecar = JSON.parse(new TextDecoder().decode((await results.get('a.json'))?.bytes)) as {
      voice: object;
      segments: { voice?: { id: string; version: string }; speed?: number }[];
    };
    assert.deepEqual(sidecar.voice, { id: 'anna', version: 'anna-1' });
    assert.deepEqual(
      sidecar.segments.map(({ voice, speed }) => [voice?.id, voice?.version, speed]),
      [
        [undefined, undefined, undefined],
        ['ben', 'ben-1', undefined],
        ['ben', 'ben-1', undefined],
        [undefined, undefined, 0.5],
      ],
    );
  });
});
