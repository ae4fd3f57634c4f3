import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DuplicateIndex } from '../../../src/core/duplicate-index.ts';

it('finds every name again with the line on which it stood first, however many there are', () => {
  const index = new DuplicateIndex();
  for (let line = 1; line <= 20_000; line++) assert.equal(index.firstSeen(`name ${line}`, line), undefined);
  for (let line = 1; line <= 20_000; line += 7) assert.equal(index.firstSeen(`name ${line}`, 99_999), line);
});
