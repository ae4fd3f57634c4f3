import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArchitecture } from '../../../../src/engine/graph/architecture.ts';

test("what a configuration leaves out has upstream's defaults, and unknown keys do not disturb", () => {
  const architecture = parseArchitecture({ dim: 64, attn_backend: 'torch', attn_mask_enabled: false });
  assert.deepEqual(architecture, {
    dim: 64,
    depth: 8,
    heads: 8,
    dim_head: 64,
    ff_mult: 4,
    mel_dim: 100,
    text_num_embeds: 256,
    text_dim: 100,
    conv_layers: 0,
    text_mask_padding: true,
    text_embedding_average_upsampling: false,
    qk_norm: null,
    pe_attn_head: null,
    long_skip_connection: false,
  });
});

test('every wrong key is named, and sizes are limited', () => {
  const refuses = (configuration: unknown, message: RegExp): void => {
    assert.throws(() => parseArchitecture(configuration), { code: 'model_invalid', message });
  };
  refuses(null, /architecture/);
  refuses({ dim: 64, depth: 0, heads: 1e9 }, /depth.*heads/);
  refuses({ dim: 64, dim_head: 63 }, /dim_head/);
  refuses({ dim: 40 }, /dim must be a multiple of 16 \(40\)/);
  refuses({ dim: 64, qk_norm: 'layer_norm' }, /qk_norm/);
  refuses({ dim: 64, text_mask_padding: false, text_embedding_average_upsampling: true }, /needs text_mask_padding/);
});
