/** The mel spectrogram of reference audio, as a graph: equal to the official one for every item of a padded batch. */
import { VOCOS_ANCHOR } from './expected-tensors.ts';
import { Graph } from './graph.ts';
import { BINS, FFT_SIZE, HOP_LENGTH, MEL_FLOOR, melFilters, OVERLAP, torchHannWindow } from './mel-spectrum.ts';
import { Weights } from './weights.ts';
import type { Value } from './graph-writer.ts';
import type { Safetensors } from './safetensors.ts';

/** Shortest wave that can be reflected at its ends (torch refuses shorter ones, too). */
export const SHORTEST_WAVE_SAMPLES = FFT_SIZE / 2 + 1;

/**
 * `wave` float32 [B, T] (24 kHz mono, in [-1, 1]) and `wave_len` int64 [B] (samples, at least SHORTEST_WAVE_SAMPLES)
 * → `mel` float32 [B, F, melDim] (natural logarithm; 0 past each item's end) and `frames` int64 [B] = wave_len / 256 + 1.
 *
 * @param vocoder its file usually carries the window that the mels were made with, as PyTorch computed it then
 */
export function buildMelGraph(melDim: number, vocoder: Safetensors): Uint8Array {
  const graph = new Graph('mel');
  const wave = graph.input('wave', 'float32', ['B', 'T']);
  const waveLength = graph.input('wave_len', 'int64', ['B']);
  const hop = graph.integers([HOP_LENGTH]);
  const frameCount = graph.add(graph.divide(graph.sizeOf(wave, 1), hop), graph.integers([1]));

  const blocks = graph.reshape(reflectEnds(graph, wave, waveLength, frameCount), [0, -1, HOP_LENGTH]);
  const shifted = Array.from({ length: OVERLAP }, (_, shift) =>
    graph.slice(blocks, 1, shift, graph.add(frameCount, graph.integers([shift]))),
  );
  const framed = graph.multiply(graph.concat(shifted, 2), analysisWindow(graph, vocoder)); // [B, F, FFT_SIZE]
  const filters = graph.floats(melFilters(melDim), [BINS, melDim], 'mel_filters');
  const energy = graph.op('MatMul', [magnitudes(graph, framed), filters]);
  const mel = graph.op('Log', [graph.op('Max', [energy, graph.float(MEL_FLOOR)])]);

  const frames = graph.add(graph.divide(waveLength, hop), graph.integers([1]));
  const isReal = graph.less(graph.unsqueeze(graph.range(frameCount), [0]), graph.unsqueeze(frames, [1]));
  graph.output(graph.where(graph.unsqueeze(isReal, [2]), mel, graph.float(0)), 'mel', 'float32', ['B', 'F', melDim]);
  graph.output(frames, 'frames', 'int64', ['B']);
  return graph.toModel();
}

/**
 * Pads each wave by half a frame at its own ends, mirrored without the end sample itself (torch.stft's centre=True): sample i of the result is sample
 * last - |last - |i - half|| of the wave. [B, (F + 3) x hop]
 */
function reflectEnds(graph: Graph, wave: Value, waveLength: Value, frameCount: Value): Value {
  const paddedLength = graph.multiply(
    graph.add(frameCount, graph.integers([OVERLAP - 1])),
    graph.integers([HOP_LENGTH]),
  );
  const last = graph.unsqueeze(graph.subtract(waveLength, graph.integer(1)), [1]);
  const position = graph.unsqueeze(graph.range(paddedLength), [0]);
  const fromStart = graph.op('Abs', [graph.subtract(position, graph.integer(FFT_SIZE / 2))]);
  const fromEnd = graph.op('Abs', [graph.subtract(last, fromStart)]);
  // Far past a short item's end the formula would go below 0; those frames are masked later.
  const index = graph.op('Max', [graph.subtract(last, fromEnd), graph.integer(0)]);
  return graph.op('GatherElements', [wave, index], { axis: 1 });
}

function analysisWindow(graph: Graph, vocoder: Safetensors): Value {
  const weights = new Weights(vocoder, VOCOS_ANCHOR);
  const name = 'head.istft.window';
  if (!weights.has(name)) return graph.floats(torchHannWindow(), [FFT_SIZE], 'window');
  weights.check([{ name, shape: [FFT_SIZE] }]);
  return weights.value(graph, name);
}

/** [B, F, FFT_SIZE] samples → [B, F, BINS]. In double precision: rounding in loud bins would drown the quiet ones. */
function magnitudes(graph: Graph, framed: Value): Value {
  const samples = graph.unsqueeze(graph.cast(framed, 'float64'), [3]); // the last axis would hold imaginary parts
  const bins = graph.op('DFT', [samples], { axis: 2, onesided: 1 }); // [B, F, BINS, 2]
  const power = graph.op('ReduceSumSquare', [bins, graph.integers([3])], { keepdims: 0 });
  return graph.cast(graph.op('Sqrt', [power]), 'float32');
}
