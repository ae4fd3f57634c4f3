/** Names and shapes of the tensors that the graphs need, as the official PyTorch modules name them. */
import { NarratorError } from '../../core/errors.ts';
import { POSITION_CONVOLUTION, TIME_FREQUENCIES } from './architecture.ts';
import type { Architecture } from './architecture.ts';
import { FFT_SIZE } from './mel-spectrum.ts';
import type { ExpectedTensor, Weights } from './weights.ts';

/** Found in every F5 network; the prefix of all names is read off it. */
export const F5_ANCHOR = 'proj_out.weight';
export const VOCOS_ANCHOR = 'backbone.embed.weight';

/** ConvNeXt V2 blocks of the text encoder are twice as wide inside (upstream `conv_mult`). */
const TEXT_BLOCK_MULTIPLE = 2;

function linear(name: string, outSize: number, inSize: number): ExpectedTensor[] {
  return [
    { name: `${name}.weight`, shape: [outSize, inSize] },
    { name: `${name}.bias`, shape: [outSize] },
  ];
}

function affine(name: string, size: number): ExpectedTensor[] {
  return [
    { name: `${name}.weight`, shape: [size] },
    { name: `${name}.bias`, shape: [size] },
  ];
}

function convolution(name: string, outSize: number, inPerGroup: number, kernel: number): ExpectedTensor[] {
  return [
    { name: `${name}.weight`, shape: [outSize, inPerGroup, kernel] },
    { name: `${name}.bias`, shape: [outSize] },
  ];
}

export function f5Tensors(architecture: Architecture): ExpectedTensor[] {
  const { dim, depth, heads, dim_head, ff_mult, mel_dim, text_dim, text_num_embeds, conv_layers } = architecture;
  const inner = heads * dim_head;
  const wide = text_dim * TEXT_BLOCK_MULTIPLE;
  const index = (length: number): number[] => Array.from({ length }, (_, i) => i);
  return [
    ...linear('time_embed.time_mlp.0', dim, TIME_FREQUENCIES),
    ...linear('time_embed.time_mlp.2', dim, dim),
    { name: 'text_embed.text_embed.weight', shape: [text_num_embeds + 1, text_dim] },
    ...index(conv_layers).flatMap((i) => {
      const block = `text_embed.text_blocks.${i}`;
      return [
        ...convolution(`${block}.dwconv`, text_dim, 1, 7),
        ...affine(`${block}.norm`, text_dim),
        ...linear(`${block}.pwconv1`, wide, text_dim),
        { name: `${block}.grn.gamma`, shape: [1, 1, wide] },
        { name: `${block}.grn.beta`, shape: [1, 1, wide] },
        ...linear(`${block}.pwconv2`, text_dim, wide),
      ];
    }),
    ...linear('input_embed.proj', dim, 2 * mel_dim + text_dim),
    ...[0, 2].flatMap((i) =>
      convolution(
        `input_embed.conv_pos_embed.conv1d.${i}`,
        dim,
        dim / POSITION_CONVOLUTION.groups,
        POSITION_CONVOLUTION.kernel,
      ),
    ),
    ...index(depth).flatMap((i) => {
      const block = `transformer_blocks.${i}`;
      const norms =
        architecture.qk_norm === null
          ? []
          : ['q_norm', 'k_norm'].map((norm) => ({ name: `${block}.attn.${norm}.weight`, shape: [dim_head] }));
      return [
        ...linear(`${block}.attn_norm.linear`, 6 * dim, dim),
        ...['to_q', 'to_k', 'to_v'].flatMap((projection) => linear(`${block}.attn.${projection}`, inner, dim)),
        ...norms,
        ...linear(`${block}.attn.to_out.0`, dim, inner),
        ...linear(`${block}.ff.ff.0.0`, dim * ff_mult, dim),
        ...linear(`${block}.ff.ff.2`, dim, dim * ff_mult),
      ];
    }),
    ...(architecture.long_skip_connection ? [{ name: 'long_skip_connection.weight', shape: [dim, 2 * dim] }] : []),
    ...linear('norm_out.linear', 2 * dim, dim),
    ...linear('proj_out', mel_dim, dim),
  ];
}

/** Vocos states its size by its tensors alone. */
export interface VocosSize {
  readonly melDim: number;
  readonly dim: number;
  readonly intermediate: number;
  readonly layers: number;
}

/** @throws NarratorError model_invalid if the sizes cannot be read off */
export function vocosSize(weights: Weights): VocosSize {
  const [dim, melDim] = weights.shape(VOCOS_ANCHOR);
  let layers = 0;
  while (weights.has(`backbone.convnext.${layers}.pwconv1.weight`)) layers++;
  const [intermediate] = layers === 0 ? [] : weights.shape('backbone.convnext.0.pwconv1.weight');
  if (dim === undefined || melDim === undefined || intermediate === undefined) {
    throw new NarratorError('model_invalid', 'The vocoder weights hold no Vocos network');
  }
  return { melDim, dim, intermediate, layers };
}

export function vocosTensors({ melDim, dim, intermediate, layers }: VocosSize): ExpectedTensor[] {
  return [
    ...convolution('backbone.embed', dim, melDim, 7),
    ...affine('backbone.norm', dim),
    ...Array.from({ length: layers }, (_, i) => `backbone.convnext.${i}`).flatMap((block) => [
      ...convolution(`${block}.dwconv`, dim, 1, 7),
      ...affine(`${block}.norm`, dim),
      ...linear(`${block}.pwconv1`, intermediate, dim),
      ...linear(`${block}.pwconv2`, dim, intermediate),
      { name: `${block}.gamma`, shape: [dim] },
    ]),
    ...affine('backbone.final_layer_norm', dim),
    ...linear('head.out', FFT_SIZE + 2, dim),
  ];
}
