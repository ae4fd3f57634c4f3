/**
 * The models that `models pull` knows: where their files are published, under which revision and checksum, and what the
 * files do not say themselves. Revisions are fixed, so that a pull gives the same model tomorrow.
 */
import type { ModelDescriptionInput } from '../f5/model-description.ts';
import type { Architecture } from '../graph/architecture.ts';

export const HUGGING_FACE = 'https://huggingface.co';

/** A file of a Hugging Face repository. */
export interface PublishedFile {
  readonly repository: string;
  /** commit */
  readonly revision: string;
  readonly path: string;
  /** absent where it is not known for certain: then what the server states is verified */
  readonly bytes?: number;
  readonly sha256?: string;
}

/** An architecture with upstream's defaults left out. */
export type ArchitectureSettings = { readonly backbone: 'DiT' } & Pick<Architecture, 'dim' | 'text_num_embeds'> &
  Partial<Architecture>;

/** What of `model.json` is known before a file is there: everything but the files themselves. */
export interface ModelSettings extends Omit<ModelDescriptionInput, 'format' | 'files' | 'architecture'> {
  readonly architecture: ArchitectureSettings;
}

export interface CatalogueModel {
  readonly settings: ModelSettings;
  readonly weights: PublishedFile;
  readonly vocabulary: PublishedFile;
  /** a PyTorch checkpoint: it is converted */
  readonly vocoder: PublishedFile;
  /** who must be named, and where the licence is to be read: written beside the files */
  readonly attribution: string;
}

/** Front end of every F5-TTS with Vocos: F5-TTS, configs/F5TTS_v1_Base.yaml, mel_spec. */
export const AUDIO: ModelSettings['audio'] = {
  mel_spec_type: 'vocos',
  target_sample_rate: 24_000,
  n_mel_channels: 100,
  hop_length: 256,
  win_length: 1024,
  n_fft: 1024,
};

/** charactr/vocos-mel-24khz, config.yaml */
export const VOCOS_MEL_24KHZ: ModelSettings['vocoder'] = {
  type: 'vocos',
  dim: 512,
  intermediate_dim: 1536,
  num_layers: 8,
};

/** F5-TTS, configs/F5TTS_v1_Base.yaml, arch; 2545 tokens in its vocab.txt */
export const F5TTS_V1_BASE: ArchitectureSettings = {
  backbone: 'DiT',
  dim: 1024,
  depth: 22,
  heads: 16,
  ff_mult: 2,
  text_num_embeds: 2545,
  text_dim: 512,
  conv_layers: 4,
  text_mask_padding: true,
  qk_norm: null,
  pe_attn_head: null,
};

/** F5-TTS, infer/utils_infer.py: nfe_step, cfg_strength, sway_sampling_coef; model/cfm.py: use_epss */
export const SAMPLING: ModelSettings['sampling'] = { steps: 32, cfg: 2, sway: -1, epss: true };

const FRAMES_PER_SECOND = AUDIO.target_sample_rate / AUDIO.hop_length;

/** Trained on clips of up to 30 s; upstream plans prompt and speech to 22 s (infer/utils_infer.py, max_chars). */
export const LIMITS: ModelSettings['limits'] = {
  maxFrames: Math.floor(30 * FRAMES_PER_SECOND),
  planFrames: Math.floor(22 * FRAMES_PER_SECOND),
};

const F5_REVISION = '84e5a410d9cead4de2f847e7c9369a6440bdfaca';

const VOCOS_WEIGHTS: PublishedFile = {
  repository: 'charactr/vocos-mel-24khz',
  revision: '0feb3fdd929bcd6649e0e7c5a688cf7dd012ef21',
  path: 'pytorch_model.bin',
  bytes: 54_365_991,
  sha256: '97ec976ad1fd67a33ab2682d29c0ac7df85234fae875aefcc5fb215681a91b2a',
};

const F5_LICENCE: ModelSettings['licence'] = {
  name: 'CC-BY-NC-4.0',
  note: 'The weights may not be used commercially and their authors must be named: they were trained on Emilia, an in-the-wild data set. The vocoder (Vocos) is under the MIT licence.',
  commercialUse: false,
};

const F5_ATTRIBUTION = `F5-TTS weights: SWivid/F5-TTS (https://huggingface.co/SWivid/F5-TTS), by Yushen Chen, Zhikang Niu, Ziyang Ma,
Keqi Deng, Chunhui Wang, Jian Zhao, Kai Yu and Xie Chen. Licence: Creative Commons Attribution-NonCommercial 4.0
International (https://creativecommons.org/licenses/by-nc/4.0/). No commercial use.

Vocos weights: charactr/vocos-mel-24khz (https://huggingface.co/charactr/vocos-mel-24khz), by Hubert Siuzdak.
Licence: MIT. Converted from a PyTorch checkpoint to safetensors; the numbers are unchanged.
`;

export const CATALOGUE: readonly CatalogueModel[] = [
  {
    settings: {
      id: 'f5-tts-v1-base',
      name: 'F5-TTS v1 Base',
      description:
        'The published F5-TTS v1 base model: real speech in any voice, English and Chinese. 337 M parameters.',
      licence: F5_LICENCE,
      architecture: F5TTS_V1_BASE,
      vocoder: VOCOS_MEL_24KHZ,
      audio: AUDIO,
      tokenizer: { kind: 'pinyin' },
      sampling: SAMPLING,
      limits: LIMITS,
      languages: ['en', 'zh'],
    },
    weights: {
      repository: 'SWivid/F5-TTS',
      revision: F5_REVISION,
      path: 'F5TTS_v1_Base/model_1250000.safetensors',
      bytes: 1_348_435_761,
      sha256: '670900fd14e6c458b95da6e9ed317cdb20dbaf7a1c02ac06a05475a9d32b6a38',
    },
    vocabulary: {
      repository: 'SWivid/F5-TTS',
      revision: F5_REVISION,
      path: 'F5TTS_v1_Base/vocab.txt',
      bytes: 13_800,
      sha256: '2a05f992e00af9b0bd3800a8d23e78d520dbd705284ed2eedb5f4bd29398fa3c',
    },
    vocoder: VOCOS_WEIGHTS,
    attribution: F5_ATTRIBUTION,
  },
  {
    settings: {
      id: 'f5-tts-base',
      name: 'F5-TTS Base (v0)',
      description: 'The first F5-TTS base model, of October 2024: what most community fine-tunes start from.',
      licence: F5_LICENCE,
      // configs/F5TTS_Base.yaml: the two flags in which v0 differs
      architecture: { ...F5TTS_V1_BASE, text_mask_padding: false, pe_attn_head: 1 },
      vocoder: VOCOS_MEL_24KHZ,
      audio: AUDIO,
      tokenizer: { kind: 'pinyin' },
      sampling: SAMPLING,
      limits: LIMITS,
      languages: ['en', 'zh'],
    },
    weights: {
      repository: 'SWivid/F5-TTS',
      revision: F5_REVISION,
      path: 'F5TTS_Base/model_1200000.safetensors',
      sha256: '4180310f91d592cee4bc14998cd37c781f779cf105e8ca8744d9bd48ca7046ae',
    },
    vocabulary: { repository: 'SWivid/F5-TTS', revision: F5_REVISION, path: 'F5TTS_Base/vocab.txt' },
    vocoder: VOCOS_WEIGHTS,
    attribution: F5_ATTRIBUTION,
  },
];
