/**
 * Lint of a reference clip: what would make the cloned voice bad, before any time is spent on it. An error says that the clip
 * cannot give usable speech; a warning, that it probably sounds worse than it could; a note, what will be done about it.
 *
 * Estimates (noise, transcript rate within doubt) never refuse: they warn.
 */
import type { DecodedAudio } from './decode.ts';
import { longestGapMs, mean, rms, toDbfs } from './measure.ts';
import { measureReference } from './measure-reference.ts';
import type { ReferenceMeasures } from './measure-reference.ts';
import { mixToMono } from './mix-to-mono.ts';
import { MAX_REFERENCE_SECONDS } from './prepare-reference.ts';
import { findSpeechBounds, REFERENCE_SILENCE_DBFS } from './speech-bounds.ts';
import { checkTranscriptRate } from './transcript-rate.ts';

export type { ReferenceMeasures } from './measure-reference.ts';

export type ReferenceCheck =
  | 'length'
  | 'silence'
  | 'pause'
  | 'cut-start'
  | 'cut-end'
  | 'clipping'
  | 'level'
  | 'noise'
  | 'dc-offset'
  | 'sample-rate'
  | 'transcript'
  | 'incomplete';

export interface ReferenceFinding {
  readonly check: ReferenceCheck;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
}

/** Less than a second holds too few sounds to tell a voice by. */
const MIN_SECONDS = 1;
/** F5-TTS advises clips of 5 to 12 s; below 3 s similarity suffers audibly. */
const SHORT_SECONDS = 3;
/** When more of a clip is silence than speech, the speaking rate that the model takes over is wrong. */
const MIN_SPEECH_SHARE = 0.5;
/** Counts as speech in the rate, and is imitated: longer than any pause between sentences. */
const LONG_PAUSE_MS = 1_000;
/** Sound this close below the average level, and this far above the noise, at the very edge of the file is a word cut in half. */
const CUT_EDGE_DB = 12;
const CUT_EDGE_OVER_NOISE_DB = 10;
const EDGE_MS = 20;
/** One sample in ten thousand is a few wave crests a second: audible as roughness. Beyond one in a hundred, speech is torn. */
const CLIPPED_SHARE_WARNING = 1e-4;
const CLIPPED_SHARE_ERROR = 1e-2;
/** Below it a 16-bit recording has less than 10 bits left for speech, and raising it raises its noise. */
const QUIET_DBFS = -35;
/** Between loud sounds and pauses, clean studio speech has 40 to 60 dB, a quiet room 25 to 35: below 20 dB the noise is cloned too. */
const LOW_SNR_DB = 20;
/** A constant of 1 % of full scale clicks at every join. */
const MAX_DC_OFFSET = 0.01;
/** Below it there is nothing above 8 kHz, and the consonants of the clone are dull. */
const LOW_SAMPLE_RATE_HZ = 16_000;
/**
 * @param decoded at least one channel
 * @param transcript what is said in the clip
 * @param options.maxSeconds as for prepareReference, which refuses what is longer
 * @returns findings in the order of gravity, none for a good clip. Never throws.
 */
export function checkReference(
  decoded: Pick<DecodedAudio, 'channels' | 'sampleRateHz'> & Partial<Pick<DecodedAudio, 'complete'>>,
  transcript: string,
  options: { readonly maxSeconds?: number } = {},
): { findings: ReferenceFinding[]; measures: ReferenceMeasures } {
  const { maxSeconds = MAX_REFERENCE_SECONDS } = options;
  const rateHz = decoded.sampleRateHz;
  const mono = mixToMono(decoded.channels);
  const { start, end } = findSpeechBounds(mono, rateHz);
  const speech = mono.subarray(start, end);
  const measures = measureReference(decoded.channels, mono, { start, end }, rateHz, transcript);
  const { seconds, speechSeconds, soundShare } = measures;

  const findings: ReferenceFinding[] = [];
  const report = (level: ReferenceFinding['level'], check: ReferenceCheck, message: string): void => {
    findings.push({ level, check, message });
  };

  if (decoded.complete === false) {
    report(
      'warning',
      'incomplete',
      'The file is cut short or damaged: listen whether it still says the whole transcript.',
    );
  }
  if (speech.length === 0) {
    report('error', 'silence', `The clip is silent: nothing in it is louder than ${REFERENCE_SILENCE_DBFS} dBFS.`);
  } else {
    checkLength(measures, maxSeconds, report);
    checkSound(decoded.channels, speech, measures, report);
    checkEdges(mono, rateHz, measures, report);
    const gapMs = longestGapMs(speech, rateHz, REFERENCE_SILENCE_DBFS);
    if (gapMs > LONG_PAUSE_MS) {
      report(
        'warning',
        'pause',
        `The clip has a pause of ${(gapMs / 1000).toFixed(1)} s; the clone takes over its rhythm. Shorten it.`,
      );
    }
    if (soundShare < MIN_SPEECH_SHARE) {
      report(
        'warning',
        'silence',
        `Only ${Math.round(soundShare * 100)} % of the clip's ${seconds.toFixed(1)} s is sound.`,
      );
    }
  }
  if (rateHz < LOW_SAMPLE_RATE_HZ) {
    report(
      'warning',
      'sample-rate',
      `The clip has ${rateHz} Hz; below ${LOW_SAMPLE_RATE_HZ} Hz the clone sounds dull.`,
    );
  }
  const rate = checkTranscriptRate(transcript, speechSeconds);
  if (rate) report(rate.level, 'transcript', rate.message);

  const gravity = { error: 0, warning: 1, note: 2 };
  findings.sort((a, b) => gravity[a.level] - gravity[b.level]);
  return { findings, measures };
}

type Report = (level: ReferenceFinding['level'], check: ReferenceCheck, message: string) => void;

function checkLength({ speechSeconds }: ReferenceMeasures, maxSeconds: number, report: Report): void {
  const found = `${speechSeconds.toFixed(1)} s without the silence at its ends`;
  if (speechSeconds < MIN_SECONDS) {
    report(
      'error',
      'length',
      `The clip has ${found}; at least ${MIN_SECONDS} s is needed, 5 to ${maxSeconds} s is best.`,
    );
  } else if (speechSeconds < SHORT_SECONDS) {
    report('warning', 'length', `The clip has ${found}; below ${SHORT_SECONDS} s the voice is caught badly.`);
  } else if (speechSeconds > maxSeconds) {
    report(
      'error',
      'length',
      `The clip has ${found}; at most ${maxSeconds} s can be used. Cut it, and its transcript at the same word.`,
    );
  }
}

function checkSound(
  channels: readonly Float32Array[],
  speech: Float32Array,
  measures: ReferenceMeasures,
  report: Report,
): void {
  const { clippedSamples, rmsDbfs, snrDb, noiseFloorDbfs } = measures;
  if (clippedSamples > 0) {
    const samples = channels.reduce((sum, channel) => sum + channel.length, 0);
    const share = clippedSamples / samples;
    const level = share > CLIPPED_SHARE_ERROR ? 'error' : share > CLIPPED_SHARE_WARNING ? 'warning' : 'note';
    report(
      level,
      'clipping',
      `${clippedSamples} samples are clipped at full scale (${(share * 100).toPrecision(2)} %): record it more quietly.`,
    );
  }
  if (rmsDbfs < QUIET_DBFS) {
    report('warning', 'level', `The clip is quiet (${rmsDbfs.toFixed(0)} dBFS): raising it raises its noise.`);
  }
  if (snrDb < LOW_SNR_DB) {
    report(
      'warning',
      'noise',
      `The clip is noisy: speech is only some ${snrDb.toFixed(0)} dB above the background (${noiseFloorDbfs.toFixed(0)} dBFS).`,
    );
  }
  const offset = mean(speech);
  if (Math.abs(offset) > MAX_DC_OFFSET) {
    report(
      'warning',
      'dc-offset',
      `The clip has a constant offset of ${(offset * 100).toFixed(1)} % of full scale: filter it out (high-pass).`,
    );
  }
}

function checkEdges(mono: Float32Array, rateHz: number, measures: ReferenceMeasures, report: Report): void {
  const edge = Math.round((rateHz * EDGE_MS) / 1000);
  const threshold = Math.max(measures.rmsDbfs - CUT_EDGE_DB, measures.noiseFloorDbfs + CUT_EDGE_OVER_NOISE_DB);
  const isLoud = (start: number, end: number) => toDbfs(rms(mono, start, end)) > threshold;
  if (isLoud(0, Math.min(edge, mono.length))) {
    report('warning', 'cut-start', 'The clip begins in the middle of a sound: let it begin in a pause.');
  }
  if (isLoud(Math.max(0, mono.length - edge), mono.length)) {
    report(
      'warning',
      'cut-end',
      'The clip ends in the middle of a sound, which the clone would finish: let it end in a pause.',
    );
  }
}
