import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../../src/runtime/config.ts';
import { containerDefaults } from '../../../src/runtime/container-defaults.ts';

test('the model that SageMaker put there is the default, if there is one, and a named one wins', () => {
  const folder = mkdtempSync(join(tmpdir(), 'narrator-model-'));
  try {
    assert.equal(readConfig({}, containerDefaults(folder)).model, 'tiny');
    writeFileSync(join(folder, 'model.json'), '{}');
    assert.equal(readConfig({}, containerDefaults(folder)).model, folder);
    assert.equal(readConfig({ NARRATOR_MODEL: 'f5-tts-v1-base' }, containerDefaults(folder)).model, 'f5-tts-v1-base');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a container is reached from outside, and its log says what it does', () => {
  const { server, logLevel } = readConfig({}, containerDefaults('/nowhere'));
  assert.deepEqual([server.host, server.port, logLevel], ['0.0.0.0', 8080, 'info']);
});
