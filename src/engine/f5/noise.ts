/**
 * The noise that a segment starts from. A counter-based generator: each value is a function of the segment's seed and the
 * value's own place (frame, channel), never of what was drawn before, of batch mates or of padding.
 *
 * Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11), then
 * Box-Muller. ECMAScript leaves the accuracy of Math.log, sin and cos to the engine, and V8 has changed its own more than
 * once; here only operations occur whose result IEEE 754 fixes, so the same seed gives the same bits everywhere.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/**
 * Replaces the counter (four 32-bit words) by its random words.
 * @param key0 low, @param key1 high half of the 64-bit key
 */
export function philox4x32(words: Uint32Array, key0: number, key1: number): void {
  let c0 = words[0]! | 0;
  let c1 = words[1]! | 0;
  let c2 = words[2]! | 0;
  let c3 = words[3]! | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/**
 * Standard normal noise, [frames, channels] row by row.
 * @param target at least frames x channels long; the rest is left as it is
 * @param seed unsigned 64-bit integer in decimal
 * @param channels a multiple of 4
 */
export function fillNoise(target: Float32Array, seed: string, frames: number, channels: number): void {
  const key = BigInt(seed);
  const key0 = Number(key & 0xffffffffn);
  const key1 = Number((key >> 32n) & 0xffffffffn);
  const words = new Uint32Array(4);
  for (let frame = 0; frame < frames; frame++) {
    for (let channel = 0; channel < channels; channel += 4) {
      words[0] = channel / 4;
      words[1] = frame;
      words[2] = 0;
      words[3] = 0;
      philox4x32(words, key0, key1);
      const at = frame * channels + channel;
      writeNormalPair(target, at, words[0], words[1]);
      writeNormalPair(target, at + 2, words[2], words[3]);
    }
  }
}

/** Box-Muller: the first word gives the radius, the second the angle. */
function writeNormalPair(target: Float32Array, at: number, first: number, second: number): void {
  // (first + 1) / 2^32 lies in (0, 1]: its logarithm is finite, and no value exceeds sqrt(64 ln 2) = 6.66.
  const radius = Math.sqrt(-2 * (logarithm(first + 1) - 32 * Math.LN2));
  // Upper two bits: which quarter of the circle. The rest: the angle within it, from -45 to +45 degrees.
  const angle = ((second & 0x3fffffff) / 0x40000000 - 0.5) * (Math.PI / 2);
  const square = angle * angle;
  const x = radius * cosine(square);
  const y = radius * angle * sineOverAngle(square);
  const quarter = second >>> 30;
  target[at] = quarter === 0 ? x : quarter === 1 ? -y : quarter === 2 ? -x : y;
  target[at + 1] = quarter === 0 ? y : quarter === 1 ? x : quarter === 2 ? -y : -x;
}

/** 2^-n */
const INVERSE_POWERS = Float64Array.from({ length: 33 }, (_, n) => 2 ** -n);

/** Natural logarithm of an integer from 1 to 2^32, to some 1e-12: as 2 artanh((m - 1) / (m + 1)) of its mantissa. */
function logarithm(value: number): number {
  let exponent = value >= 0x100000000 ? 32 : 31 - Math.clz32(value);
  let mantissa = value * INVERSE_POWERS[exponent]!;
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const q = s * s;
  const series = 1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11 + q / 13)))));
  return exponent * Math.LN2 + 2 * s * series;
}

/** Taylor series up to the 12th power: 1e-12 within 45 degrees. */
function cosine(q: number): number {
  return 1 - (q / 2) * (1 - (q / 12) * (1 - (q / 30) * (1 - (q / 56) * (1 - (q / 90) * (1 - q / 132)))));
}

/** Taylor series up to the 13th power. */
function sineOverAngle(q: number): number {
  return 1 - (q / 6) * (1 - (q / 20) * (1 - (q / 42) * (1 - (q / 72) * (1 - (q / 110) * (1 - q / 156)))));
}

/** Upper half of the 64-bit product of two 32-bit integers taken as unsigned. Every step stays an exact 32-bit integer. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const cross1 = Math.imul(aHigh, bLow);
  const cross2 = Math.imul(aLow, bHigh);
  const middle = (Math.imul(aLow, bLow) >>> 16) + (cross1 & 0xffff) + (cross2 & 0xffff);
  return (Math.imul(aHigh, bHigh) + (cross1 >>> 16) + (cross2 >>> 16) + (middle >>> 16)) | 0;
}
