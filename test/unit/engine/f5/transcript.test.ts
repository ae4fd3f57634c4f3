import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endTranscript } from '../../../../src/engine/f5/transcript.ts';

for (const [written, ended] of [
  ['Hello there', 'Hello there. '],
  ['Hello there.', 'Hello there. '],
  ['  Hello there.  ', 'Hello there. '],
  ['Really?', 'Really?. '],
  ['你好。', '你好。'],
  ['你好', '你好. '],
] as const) {
  test(`${JSON.stringify(written)} ends as the model expects it`, () => {
    assert.equal(endTranscript(written), ended);
    assert.equal(endTranscript(ended), ended);
  });
}
