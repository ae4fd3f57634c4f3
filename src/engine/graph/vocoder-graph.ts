/** The Vocos vocoder (charactr/vocos-mel-24khz) with its inverse Fourier transform, batched: every item as if alone. */
import { VOCOS_ANCHOR, vocosSize, vocosTensors } from './expected-tensors.ts';
import { Graph } from './graph.ts';
import { BINS, FFT_SIZE, OVERLAP, squaredWindow, windowedInverseFourierBasis } from './mel-spectrum.ts';
import { Weights } from './weights.ts';
import type { Value } from './graph-writer.ts';
import type { Safetensors } from './safetensors.ts';

/** Magnitudes are cut off here (official `ISTFTHead`). */
const LARGEST_MAGNITUDE = 100;

/** Frames that a convolution sees. */
const KERNEL = 7;

/**
 * Sine and cosine of the CPU handle what is left over after the last full vector (16 numbers at most) by other code that rounds
 * otherwise. With full vectors only, an item's bits do not depend on where it stands in its batch.
 */
const PADDED_BINS = Math.ceil(BINS / 16) * 16;

/**
 * Inputs: `mel` float32 [B, N, mel_dim] (the sampler's output as it is), `start` int64 [B] (frames to skip: the
 * reference's) and `length` int64 [B] (frames to speak, start + length <= N).
 * Output: `wave` float32 [B, (max(length) - 1) · 256], of which the first (length - 1) · 256 samples belong to each item.
 *
 * @throws NarratorError model_invalid if the weights are not those of a Vocos for mels of this size
 */
export function buildVocoderGraph(melDim: number, file: Safetensors): Uint8Array {
  const weights = new Weights(file, VOCOS_ANCHOR);
  const size = vocosSize(weights);
  weights.check(vocosTensors({ ...size, melDim }));
  const graph = new Graph('vocos');
  const mel = graph.input('mel', 'float32', ['B', 'N', melDim]);
  const start = graph.input('start', 'int64', ['B']);
  const length = graph.input('length', 'int64', ['B']);

  const frameCount = graph.op('ReduceMax', [length], { keepdims: 1 });
  const position = graph.range(frameCount);
  const isReal = graph.less(graph.unsqueeze(position, [0]), graph.unsqueeze(length, [1]));
  const mask = graph.unsqueeze(graph.cast(isReal, 'float32'), [2], 'frame_mask'); // [B, F, 1]
  const spoken = graph.multiply(takeFrames(graph, mel, start, position, melDim), mask);
  const hidden = backbone(graph, weights, size.layers, spoken, mask);
  const wave = synthesise(graph, spectrum(graph, weights, hidden, mask), mask, frameCount);
  graph.output(wave, 'wave', 'float32', ['B', 'T']);
  return graph.toModel();
}

/** Frames start .. start + F of each item, [B, F, melDim]; past the end the last frame, which the mask hides. */
function takeFrames(graph: Graph, mel: Value, start: Value, position: Value, melDim: number): Value {
  const frames = graph.sizeOf(mel, 1);
  const wanted = graph.add(graph.unsqueeze(start, [1]), graph.unsqueeze(position, [0]));
  const existing = graph.op('Min', [wanted, graph.subtract(frames, graph.integers([1]))]);
  const itemStart = graph.multiply(graph.range(graph.sizeOf(mel, 0)), frames);
  const flat = graph.reshape(mel, [-1, melDim]);
  return graph.gather(flat, graph.add(existing, graph.unsqueeze(itemStart, [1])));
}

/** ConvNeXt blocks: [B, F, melDim] → [B, F, dim]. Convolutions must find zeros past each item's end. */
function backbone(graph: Graph, weights: Weights, layers: number, spoken: Value, mask: Value): Value {
  const weight = (name: string): Value => weights.value(graph, `backbone.${name}`);
  const norm = (x: Value, name: string): Value => graph.layerNorm(x, weight(`${name}.weight`), weight(`${name}.bias`));
  const [dim] = weights.shape('backbone.embed.weight') as [number];
  const depthwise = (x: Value, name: string): Value => {
    const inputs = [graph.transpose(x, [0, 2, 1]), weight(`${name}.weight`), weight(`${name}.bias`)];
    return graph.transpose(graph.op('Conv', inputs, { pads: [3, 3], group: dim }), [0, 2, 1]);
  };
  const embedded = convolveAsProduct(graph, spoken, weight('embed.weight'), weight('embed.bias'));
  let x = graph.multiply(norm(embedded, 'norm'), mask);
  for (let i = 0; i < layers; i++) {
    const block = `convnext.${i}`;
    const normed = norm(depthwise(x, `${block}.dwconv`), `${block}.norm`);
    const wide = graph.project(normed, weight(`${block}.pwconv1.weight`), weight(`${block}.pwconv1.bias`));
    // Scaling the layer's weights (rows, then bias) is scaling its result; it is done once, when the session is created.
    const gamma = weight(`${block}.gamma`);
    const rows = graph.multiply(weight(`${block}.pwconv2.weight`), graph.unsqueeze(gamma, [1]));
    const bias = graph.multiply(weight(`${block}.pwconv2.bias`), gamma);
    const branch = graph.project(graph.contrib('Gelu', [wide]), rows, bias);
    x = graph.multiply(graph.add(x, branch), mask);
  }
  return norm(x, 'final_layer_norm');
}

/**
 * Convolution of KERNEL frames as one matrix product. The CPU's Conv cuts its sums by the length of the sequence and the
 * number of threads: an item's bits would depend on the longest of its batch.
 *
 * @param x [B, F, size]
 * @param weight [out, size, KERNEL]
 * @returns [B, F, out]
 */
function convolveAsProduct(graph: Graph, x: Value, weight: Value, bias: Value): Value {
  const frames = graph.sizeOf(x, 1);
  const margin = (KERNEL - 1) / 2;
  const padded = graph.op('Pad', [x, graph.integers([0, margin, 0, 0, margin, 0])]);
  const taps = Array.from({ length: KERNEL }, (_, tap) =>
    graph.slice(padded, 1, tap, graph.add(frames, graph.integers([tap]))),
  );
  const byTap = graph.reshape(graph.transpose(weight, [0, 2, 1]), graph.shape([graph.sizeOf(weight, 0), -1]));
  return graph.project(graph.concat(taps, 2), byTap, bias);
}

/**
 * [B, F, 2 · PADDED_BINS]: real parts, then imaginary parts; 0 past each item's end. The columns after BINS have no
 * meaning, and no effect.
 */
function spectrum(graph: Graph, weights: Weights, hidden: Value, mask: Value): Value {
  const part = (start: number): Value => {
    const rows = graph.slice(weights.value(graph, 'head.out.weight'), 0, start, start + BINS);
    const bias = graph.slice(weights.value(graph, 'head.out.bias'), 0, start, start + BINS);
    const unused = PADDED_BINS - BINS;
    return graph.project(
      hidden,
      graph.op('Pad', [rows, graph.integers([0, 0, unused, 0])]),
      graph.op('Pad', [bias, graph.integers([0, unused])]),
    );
  };
  const phase = part(BINS);
  const magnitude = graph.op('Min', [graph.op('Exp', [part(0)]), graph.float(LARGEST_MAGNITUDE)]);
  const audible = graph.multiply(magnitude, mask);
  return graph.concat(
    [graph.multiply(audible, graph.op('Cos', [phase])), graph.multiply(audible, graph.op('Sin', [phase]))],
    2,
  );
}

/**
 * Inverse short-time Fourier transform, as torch.istft with centre=True: windowed frames overlapped and added, divided by the
 * overlapped squares of the window, half a frame cut off at both ends. The divisor is made of the item's own frames, which
 * makes its last samples the same as alone. [B, (F - 1) · 256]
 */
function synthesise(graph: Graph, bins: Value, mask: Value, frameCount: Value): Value {
  const basis = graph.floats(
    windowedInverseFourierBasis(PADDED_BINS),
    [2 * PADDED_BINS, FFT_SIZE],
    'inverse_fourier_basis',
  );
  const window = graph.floats(squaredWindow(), [FFT_SIZE], 'squared_window');
  const signal = overlapAdd(graph, graph.op('MatMul', [bins, basis]));
  const envelope = overlapAdd(graph, graph.multiply(mask, window));
  const cut = (x: Value): Value =>
    graph.slice(x, 1, OVERLAP / 2, graph.add(frameCount, graph.integers([OVERLAP / 2 - 1])));
  const divisor = graph.op('Max', [cut(envelope), graph.float(1e-8)]);
  return graph.reshape(graph.divide(cut(signal), divisor), [0, -1]);
}

/** Frames [B, F, FFT_SIZE] a hop apart → [B, F + 3, hop]. */
function overlapAdd(graph: Graph, frames: Value): Value {
  const last = OVERLAP - 1;
  const shifted = graph
    .split(frames, OVERLAP, 2)
    .map((part, shift) => graph.op('Pad', [part, graph.integers([0, shift, 0, 0, last - shift, 0])]));
  return shifted.reduce((sum, part) => graph.add(sum, part));
}
