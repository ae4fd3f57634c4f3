/**
 * A program that uses the library as anybody would, and prints what it saw. It never calls process.exit: whatever the library left
 * open would keep it alive. Arguments: home folder, manifest, folder for results.
 */
import { createNarrator, NarratorError, type RunProgress } from '../../src/index.ts';

const [home = '', manifest = '', outDirectory = ''] = process.argv.slice(2);
const events: string[] = [];
const narrator = await createNarrator({ home, model: 'tiny', log: (event) => events.push(event) });
const fast = { steps: 2, cfg: 0 };

const { samples, sampleRateHz, seconds, segments } = await narrator.speak('Rain in the evening.', fast);
const toFile = await narrator.speakToFile('Rain in the evening.', `${outDirectory}.wav`, fast);
const refusal = await narrator.speak('Rain.', { voice: 'nobody' }).catch((error: unknown) => error);

const progress: RunProgress[] = [];
let planned = 0;
const summary = await narrator.run(manifest, {
  ...fast,
  outDirectory,
  onPlanned: ({ items }) => (planned = items),
  onProgress: (one) => progress.push(one),
});
const stopped = new AbortController();
stopped.abort();
const aborted = await narrator
  .run(manifest, { ...fast, outDirectory, signal: stopped.signal })
  .catch((error: unknown) => error);

const voices = (await narrator.voices.list()).map(({ id }) => id);
await narrator.close();
await narrator.close();
const afterwards = await narrator.speak('Rain.', fast).catch((error: unknown) => error);

const codeOf = (thrown: unknown) => (thrown instanceof NarratorError ? thrown.code : String(thrown));
process.stdout.write(
  JSON.stringify({
    model: narrator.model.description.id,
    spoken: { samples: samples.length, sampleRateHz, seconds, segments, peak: Math.max(...samples) },
    toFile,
    refusal: codeOf(refusal),
    planned,
    progress,
    summary,
    aborted: codeOf(aborted),
    voices,
    afterwards: codeOf(afterwards),
    events,
  }),
);
