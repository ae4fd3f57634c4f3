import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../../src/adapters/store-memory.ts';
import type { ItemOutcome } from '../../../src/core/record.ts';
import { FailedAudio } from '../../../src/core/withdraw-failed.ts';

class CountingStore extends MemoryStore {
  deletes = 0;

  override delete(key: string): Promise<void> {
    this.deletes += 1;
    return super.delete(key);
  }
}

const failed = (output: string): ItemOutcome => ({
  status: 'failed',
  line: 1,
  output,
  error: { code: 'cancelled', message: '', hint: '', retryable: false },
});

for (const count of [3, 5_000]) {
  test(`of ${count} failed items the audio that is there goes, whoever wrote it; that of others stays`, async () => {
    const store = new CountingStore();
    const there = ['a/1.wav', 'a/1.json', 'a/2.json', 'a/done.wav', 'a/done.json', 'b/1.wav'];
    for (const key of there) await store.put(key, new Uint8Array(1));
    const audio = new FailedAudio();
    for (let number = 1; number <= count; number++) audio.add(failed(`${number}.wav`));
    await audio.withdraw({ store, prefix: 'a/' });
    const left: string[] = [];
    for await (const { key } of store.list('')) left.push(key);
    assert.deepEqual(left, ['a/done.json', 'a/done.wav', 'b/1.wav']);
    assert.ok(store.deletes <= 6, `${store.deletes} requests`);
  });
}
