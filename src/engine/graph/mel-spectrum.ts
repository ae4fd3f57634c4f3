/** The spectrum that F5 and Vocos share: sizes, Fourier bases and mel filters, computed in double precision. */

/** Official `mel_spec` of every published F5 model: 24 kHz, n_fft = win_length = 1024, hop 256, magnitude (power 1). */
export const SAMPLE_RATE_HZ = 24_000;
export const FFT_SIZE = 1024;
export const HOP_LENGTH = 256;
export const BINS = FFT_SIZE / 2 + 1;
/** Frames that overlap at any sample. */
export const OVERLAP = FFT_SIZE / HOP_LENGTH;
/** Smallest magnitude whose logarithm is taken. */
export const MEL_FLOOR = 1e-5;

const cosines = Float64Array.from({ length: FFT_SIZE }, (_, n) => Math.cos((2 * Math.PI * n) / FFT_SIZE));
const sines = Float64Array.from({ length: FFT_SIZE }, (_, n) => Math.sin((2 * Math.PI * n) / FFT_SIZE));

/** Periodic Hann window. */
function hann(sample: number): number {
  return 0.5 - 0.5 * cosines[sample]!;
}

/** Squares of the window: what overlapping frames have been multiplied with after analysis and synthesis. */
export function squaredWindow(): Float32Array {
  return Float32Array.from({ length: FFT_SIZE }, (_, sample) => hann(sample) ** 2);
}

/**
 * torch.hann_window(1024) to the last bit or the one before it: every operation rounds to single precision. That puts it up to
 * 1.8e-7 off the exact window, which in a quiet bin beside a loud one is 3e-4 of the logarithm.
 */
export function torchHannWindow(): Float32Array {
  const step = Math.fround((2 * Math.PI) / FFT_SIZE);
  return Float32Array.from(
    { length: FFT_SIZE },
    (_, sample) => 0.5 - Math.fround(0.5 * Math.fround(Math.cos(Math.fround(sample * step)))),
  );
}

/**
 * [2 x rows, FFT_SIZE]: real and imaginary parts back to a frame of samples; the window is in it. Of each half the first BINS
 * rows count, the others are 0. The imaginary parts of the first and last bin have no effect, as in torch.fft.irfft.
 */
export function windowedInverseFourierBasis(rows: number): Float32Array {
  const basis = new Float32Array(2 * rows * FFT_SIZE);
  for (let bin = 0; bin < BINS; bin++) {
    const isEdge = bin === 0 || bin === BINS - 1;
    for (let sample = 0; sample < FFT_SIZE; sample++) {
      const phase = (sample * bin) % FFT_SIZE;
      const scale = ((isEdge ? 1 : 2) / FFT_SIZE) * hann(sample);
      basis[bin * FFT_SIZE + sample] = scale * cosines[phase]!;
      basis[(rows + bin) * FFT_SIZE + sample] = isEdge ? 0 : -scale * sines[phase]!;
    }
  }
  return basis;
}

/** [BINS, melDim]: triangular filters on the HTK mel scale from 0 Hz to half the sample rate, not normalised (torchaudio's melscale_fbanks). */
export function melFilters(melDim: number): Float32Array {
  const toMel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
  const toHz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);
  const highest = toMel(SAMPLE_RATE_HZ / 2);
  const corners = Array.from({ length: melDim + 2 }, (_, i) => toHz((highest * i) / (melDim + 1)));
  const filters = new Float32Array(BINS * melDim);
  for (let bin = 0; bin < BINS; bin++) {
    const hz = (SAMPLE_RATE_HZ * bin) / FFT_SIZE;
    for (let mel = 0; mel < melDim; mel++) {
      const [low, centre, high] = [corners[mel]!, corners[mel + 1]!, corners[mel + 2]!];
      const weight = Math.min((hz - low) / (centre - low), (high - hz) / (high - centre));
      filters[bin * melDim + mel] = Math.max(0, weight);
    }
  }
  return filters;
}
