/** Several voices in one file, with the built-in model. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createNarrator, type Narrator } from '../../../src/index.ts';

const FAST = { steps: 2, cfg: 0 };
let home: string;
let narrator: Narrator;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'narrator-dialogue-'));
  narrator = await createNarrator({ home, model: 'tiny' });
});
after(async () => {
  await narrator.close();
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

interface Sidecar {
  readonly voice: { readonly id: string };
  readonly samples: number;
  readonly segments: readonly {
    readonly text: string;
    readonly voice?: { readonly id: string; readonly version: string };
    readonly speed?: number;
    readonly start: number;
    readonly end: number;
  }[];
}

async function narrated(name: string, text: string, markup: 'tags' | 'ssml'): Promise<Sidecar> {
  const path = join(home, `${name}.wav`);
  await narrator.speakToFile(text, path, { ...FAST, voice: 'slt', markup });
  return JSON.parse(await readFile(path.replace('.wav', '.json'), 'utf8')) as Sidecar;
}

test('two who talk have a voice each, in tags as in SSML, and a slow word takes longer', async () => {
  const tags = await narrated(
    'tags',
    '[slt] Good morning.\n[rms] The river is high.\n[slt] The river is high.\n[rms] [speed 0.5]The river is high.[/speed]',
    'tags',
  );
  const ssml = await narrated(
    'ssml',
    '<speak><p>Good morning.</p><p><voice name="rms">The river is high.</voice></p><p>The river is high.</p><voice name="rms"><prosody rate="50%">The river is high.</prosody></voice></speak>',
    'ssml',
  );
  for (const { voice, segments } of [tags, ssml]) {
    assert.equal(voice.id, 'slt');
    assert.deepEqual(
      segments.map((one) => [one.voice?.id, one.speed]),
      [
        [undefined, undefined],
        ['rms', undefined],
        [undefined, undefined],
        ['rms', 0.5],
      ],
    );
  }
  const seconds = tags.segments.map(({ start, end }) => end - start);
  assert.deepEqual(
    ssml.segments.map(({ start, end }) => Number((end - start).toFixed(4))),
    seconds.map((one) => Number(one.toFixed(4))),
  );
  assert.ok((seconds[3] ?? 0) > 1.5 * (seconds[1] ?? 0), `${seconds[3]} s at half the speed, ${seconds[1]} s before`);
  assert.notEqual(seconds[1], seconds[2]);
});

test('a voice that there is not is refused before anything is spoken, with its place and the voices that there are', async () => {
  await assert.rejects(narrated('nobody', 'Good morning.\n\nIt is [voice:nobody]late.', 'tags'), {
    code: 'voice_not_found',
    message: /Line 3, column 7 of the text names the voice "nobody", which is not there; there are rms, slt\./,
  });
});
