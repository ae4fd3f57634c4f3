import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { lexiconSource } from '../../../src/core/lexicon.ts';
import { Lexicons } from '../../../src/runtime/lexicons.ts';
import { readLexicon, readLexiconBytes, skippedMessage } from '../../../src/runtime/open-lexicon.ts';
import { Lexicon } from '../../../src/text/lexicon.ts';
import { normalise } from '../../../src/text/normalise.ts';
import { withFile } from '../../support/make-epub.ts';

const sourceOf = (spoken: string) => lexiconSource([{ written: 'gif', spoken }]);

test('the lexicons of a text come before that of the deployment, whichever text was before', () => {
  const lexicons = new Lexicons(
    new Lexicon([
      { written: 'gif', spoken: 'deployment' },
      { written: 'SQL', spoken: 'sequel' },
    ]),
  );
  const said = (...spoken: string[]) =>
    normalise('A gif by SQL', 'en', { lexicon: lexicons.words(spoken.map(sourceOf)) });
  for (let round = 0; round < 2; round += 1) {
    assert.equal(said(), 'A deployment by sequel');
    assert.equal(said('voice'), 'A voice by sequel');
    assert.equal(said('job', 'voice'), 'A job by sequel');
    // More than are kept ready.
    for (let other = 0; other < 40; other += 1) assert.equal(said(`job ${other}`), `A job ${other} by sequel`);
  }
  assert.equal(normalise('A gif', 'en', { lexicon: new Lexicons(undefined).words([]) }), 'A gif');
});

test('files are read by what their names end in', async () => {
  const entries = [{ written: 'SQL', spoken: 'sequel' }];
  const pls = '<lexicon><lexeme><grapheme>SQL</grapheme><alias>sequel</alias></lexeme></lexicon>';
  for (const [name, content] of [
    ['a.json', '{"SQL": "sequel"}'],
    ['a.CSV', 'written,spoken\nSQL,sequel\n'],
    ['a.pls', new Uint8Array(Buffer.from(`\ufeff${pls}`, 'utf16le'))],
    ['b.pls', `<?xml version="1.0" encoding="iso-8859-1"?>${pls}`],
  ] as const) {
    assert.deepEqual((await withFile(name, content, readLexicon)).entries, entries, name);
  }
});

test('a file that cannot be used is an error of the settings, one that was handed in of the request', async () => {
  await assert.rejects(readLexicon('/nowhere/names.json'), {
    code: 'config_invalid',
    message: /names\.json cannot be read/,
  });
  await assert.rejects(readLexicon('/nowhere/names.txt'), {
    code: 'config_invalid',
    message: /none of \.json, \.csv, \.pls/,
  });
  const bytes = Uint8Array.of(0xff, 0x41);
  await assert.rejects(withFile('a.json', bytes, readLexicon), { code: 'config_invalid', message: /not valid UTF-8/ });
  for (const [name, content] of [
    ['names.json', bytes],
    ['../../names.json', new TextEncoder().encode('{"a": 1}')],
    ['names.exe', bytes],
  ] as const) {
    assert.throws(
      () => readLexiconBytes(content, name),
      (error) =>
        error instanceof NarratorError && error.code === 'request_invalid' && error.details.field === 'lexicon',
    );
  }
});

test('words that are skipped are named, a few of them', () => {
  assert.equal(skippedMessage([]), undefined);
  assert.match(skippedMessage(['"a" in line 1 (ipa)']) ?? '', /: "a" in line 1 \(ipa\)\.$/);
  assert.match(skippedMessage(Array.from({ length: 7 }, (_, n) => `"${n}"`)) ?? '', /"4" and 2 more\.$/);
});
