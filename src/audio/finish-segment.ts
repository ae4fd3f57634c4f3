/**
 * The engine's output to a segment that can be joined to silence or to another segment without a click, and with pauses that
 * are as long as the text asks for, not as the model happened to leave.
 */
import { fromDbfs, windowLevels } from './measure.ts';

/** Silence kept on both sides of the sound: breath and the tail of a consonant lie below the threshold. */
const ROOM_MS = 40;
/** Long enough for no audible click, short enough to leave a word that starts at once its first consonant. */
const FADE_MS = 5;
/** Where the sound goes on to the very end (the model ran out of time) an end so sudden is heard as a cut. */
const CUT_FADE_MS = 30;
/** Less silence than that behind the last sound is no room: its tail was cut. */
const CUT_ROOM_MS = 20;
const WINDOW_MS = 10;
/** A window is silence when it is 40 dB below the loudest one: soft fricatives lie some 30 dB below an open vowel. */
const RELATIVE_THRESHOLD_DB = -40;
/** …but whatever is below this is inaudible at any listening level, however quiet the speech. */
const ABSOLUTE_THRESHOLD_DBFS = -60;

/**
 * Trims silence at both ends down to 40 ms, and fades 5 ms at both ends by a raised cosine, 30 ms at an end with less than 20 ms of silence:
 * the first and the last sample are 0.
 * Never cuts between the first and the last sound, however long a pause lies there. All-silent input is faded only.
 * @param samples finite, mono; not changed
 */
export function finishSegment(samples: Float32Array, sampleRateHz: number): Float32Array {
  const levels = windowLevels(samples, sampleRateHz, WINDOW_MS);
  const loudest = levels.reduce((highest, level) => Math.max(highest, level), 0);
  const threshold = Math.max(fromDbfs(ABSOLUTE_THRESHOLD_DBFS), loudest * fromDbfs(RELATIVE_THRESHOLD_DB));
  const firstSound = levels.findIndex((level) => level >= threshold);
  const lastSound = levels.findLastIndex((level) => level >= threshold);

  let finished: Float32Array;
  if (firstSound === -1) {
    finished = samples.slice();
  } else {
    const window = Math.max(1, Math.round((sampleRateHz * WINDOW_MS) / 1000));
    const room = Math.round((sampleRateHz * ROOM_MS) / 1000);
    finished = samples.slice(Math.max(0, firstSound * window - room), (lastSound + 1) * window + room);
  }
  const isCut = levels.length - 1 - lastSound < CUT_ROOM_MS / WINDOW_MS;
  fadeEdges(finished, sampleRateHz, { startMs: FADE_MS, endMs: isCut ? CUT_FADE_MS : FADE_MS });
  return finished;
}

function fadeEdges(
  samples: Float32Array,
  sampleRateHz: number,
  { startMs, endMs }: { startMs: number; endMs: number },
): void {
  const last = samples.length - 1;
  const fade = (ms: number, at: (index: number) => number): void => {
    const length = Math.min(Math.round((sampleRateHz * ms) / 1000), Math.floor(samples.length / 2));
    for (let i = 1; i < length; i++) {
      samples[at(i)] = (samples[at(i)] as number) * (0.5 - 0.5 * Math.cos((Math.PI * i) / length));
    }
  };
  fade(startMs, (index) => index);
  fade(endMs, (index) => last - index);
  // set, not multiplied: the product could be minus zero
  samples.fill(0, 0, 1);
  samples.fill(0, Math.max(0, last));
}
