/** Shape of an F5-TTS network, under the names that the official configuration files use (F5-TTS, src/f5_tts/configs). */
import { z } from 'zod';
import { NarratorError } from '../../core/errors.ts';

const size = (limit: number) => z.int().min(1).max(limit);

/**
 * Defaults are those of the official class `DiT`. Keys that do not change the result (attn_backend, attn_mask_enabled,
 * checkpoint_activations, dropout ...) are ignored: attention here is always masked, so that a batch equals single runs.
 */
const schema = z.object({
  /** width of the network */
  dim: size(8192),
  /** number of transformer blocks */
  depth: size(128).default(8),
  heads: size(128).default(8),
  /** width of one attention head */
  dim_head: size(512).multipleOf(2).default(64),
  /** width of the feed-forward layers, in multiples of dim */
  ff_mult: size(16).default(4),
  mel_dim: size(512).default(100),
  /** tokens of the vocabulary, without the filler */
  text_num_embeds: size(1_000_000).default(256),
  /** width of the text embedding; null: mel_dim */
  text_dim: size(8192).multipleOf(2).nullish(),
  /** ConvNeXt blocks of the text encoder */
  conv_layers: z.int().min(0).max(64).default(0),
  /** zero the frames after the text between those blocks (v1), or treat them as text (v0) */
  text_mask_padding: z.boolean().default(true),
  /** spread the text evenly over all frames */
  text_embedding_average_upsampling: z.boolean().default(false),
  qk_norm: z.enum(['rms_norm']).nullable().default(null),
  /** rotate only this many heads; null: all */
  pe_attn_head: size(128).nullable().default(null),
  /** join the blocks' input to their output once more at the end */
  long_skip_connection: z.boolean().default(false),
});

export type Architecture = Omit<Required<z.output<typeof schema>>, 'text_dim'> & { readonly text_dim: number };

/** The official base model's (`F5TTS_v1_Base`) position convolution; its groups must divide `dim`. */
export const POSITION_CONVOLUTION = { kernel: 31, groups: 16 } as const;

/** Sinusoids of the time embedding, the same for every size of network. */
export const TIME_FREQUENCIES = 256;

/**
 * Completes a configuration with the official defaults.
 * @throws NarratorError model_invalid, naming every key that is wrong
 */
export function parseArchitecture(configuration: unknown): Architecture {
  const parsed = schema.safeParse(configuration);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'architecture'}: ${issue.message}`);
    throw new NarratorError('model_invalid', `The model's architecture is wrong: ${problems.join('; ')}`);
  }
  const architecture: Architecture = { ...parsed.data, text_dim: parsed.data.text_dim ?? parsed.data.mel_dim };
  const problems: string[] = [];
  if (architecture.dim % POSITION_CONVOLUTION.groups !== 0) {
    problems.push(`dim must be a multiple of ${POSITION_CONVOLUTION.groups} (${architecture.dim})`);
  }
  if (architecture.text_embedding_average_upsampling && !architecture.text_mask_padding) {
    problems.push('text_embedding_average_upsampling needs text_mask_padding');
  }
  if (problems.length > 0) {
    throw new NarratorError('model_invalid', `The model's architecture is wrong: ${problems.join('; ')}`);
  }
  return architecture;
}
