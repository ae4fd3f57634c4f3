import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PromptCache, type Prompt } from '../../../../src/engine/f5/prompt-cache.ts';

const prompt: Prompt = { transcript: 'a. ', frames: 1, mel: new Float32Array(0), melFrames: 2, gain: 1 };

test('it keeps 128 voices; the one unused for longest goes first', () => {
  const cache = new PromptCache();
  for (let i = 0; i < 128; i++) cache.add(`v${i}`, prompt);
  assert.equal(cache.get('v0'), prompt);
  cache.add('another', prompt);
  assert.equal(cache.get('v1'), undefined);
  assert.equal(cache.get('v0'), prompt);
  assert.equal(cache.get('another'), prompt);
});

test('adding a voice again takes no second place', () => {
  const cache = new PromptCache();
  cache.add('first', prompt);
  for (let i = 0; i < 500; i++) cache.add('same', prompt);
  assert.equal(cache.get('first'), prompt);
});
