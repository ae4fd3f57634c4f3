/** Synthetic sound for the tests of this folder. */

export function sine(
  frequencyHz: number,
  options: { seconds: number; sampleRateHz: number; amplitude?: number },
): Float32Array {
  const { seconds, sampleRateHz, amplitude = 0.5 } = options;
  const step = (2 * Math.PI * frequencyHz) / sampleRateHz;
  return Float32Array.from({ length: Math.round(seconds * sampleRateHz) }, (_, i) => amplitude * Math.sin(step * i));
}

export function silence(seconds: number, sampleRateHz: number): Float32Array {
  return new Float32Array(Math.round(seconds * sampleRateHz));
}

export function join(...parts: Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** White noise in [-amplitude, amplitude], the same at every call. */
export function noise(length: number, amplitude: number): Float32Array {
  let state = 12_345;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return amplitude * (state / 2 ** 31 - 1);
  });
}

/** Something with the envelope of speech: syllables of 180 ms at about -20 dBFS, 60 ms of quiet between them and at both ends. */
export function speechLike(seconds: number, sampleRateHz: number): Float32Array {
  const samples = sine(180, { seconds, sampleRateHz, amplitude: 0.25 });
  const period = Math.round(0.24 * sampleRateHz);
  const quiet = Math.round(0.06 * sampleRateHz);
  for (let i = 0; i < samples.length; i++) {
    if (i % period < quiet || i >= samples.length - quiet) samples[i] = (samples[i] as number) * 0.003;
  }
  return samples;
}

/** Power of `expected` over that of the difference, in dB; over the common length. */
export function similarityDb(actual: Float32Array, expected: Float32Array): number {
  let signal = 0;
  let error = 0;
  for (let i = 0; i < Math.min(actual.length, expected.length); i++) {
    signal += (expected[i] as number) ** 2;
    error += ((actual[i] as number) - (expected[i] as number)) ** 2;
  }
  return 10 * Math.log10(signal / Math.max(error, 1e-20));
}
