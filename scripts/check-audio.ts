/**
 * `npm run check:audio -- OUT.wav […]`: how segments join, measured. A step between neighbouring samples at a seam is heard
 * as a click, a long gap as a fault. Fails above the bounds.
 */
import { readFile } from 'node:fs/promises';
import { decodeAudio } from '../src/audio/decode.ts';
import { largestSeamJump, longestGapMs, peak } from '../src/audio/measure.ts';

const LARGEST_JUMP = 0.1;
const LONGEST_GAP_MS = 1200;

interface Sidecar {
  segments: { start: number; end: number }[];
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('usage: npm run check:audio -- OUT.wav [...]');
  process.exit(2);
}

let failures = 0;
let seams = 0;
let worstJump = 0;
let worstGapMs = 0;
for (const file of files) {
  const { channels, sampleRateHz } = await decodeAudio(await readFile(file), {
    maxSeconds: Infinity,
    maxBytes: Infinity,
  });
  const samples = channels[0]!;
  const { segments } = JSON.parse(await readFile(file.replace(/\.wav$/i, '.json'), 'utf8')) as Sidecar;
  const positions = segments.flatMap(({ start, end }) => [
    Math.round(start * sampleRateHz),
    Math.round(end * sampleRateHz),
  ]);
  const jump = largestSeamJump(samples, positions);
  const gapMs = longestGapMs(samples, sampleRateHz);
  const bad = jump >= LARGEST_JUMP || gapMs > LONGEST_GAP_MS;
  if (bad) failures += 1;
  if (bad || files.length <= 20) {
    console.log(
      `${bad ? 'BAD ' : 'ok  '} ${file}: ${segments.length} segments, largest jump at a seam ${jump.toFixed(4)}, longest gap ${gapMs} ms, peak ${peak(samples).toFixed(2)}`,
    );
  }
  seams += positions.length;
  worstJump = Math.max(worstJump, jump);
  worstGapMs = Math.max(worstGapMs, gapMs);
}
console.log(
  `${files.length} files, ${seams} seams: largest jump ${worstJump.toFixed(4)} (bound ${LARGEST_JUMP}), longest gap ${worstGapMs} ms (bound ${LONGEST_GAP_MS} ms)`,
);
process.exit(failures === 0 ? 0 : 1);
