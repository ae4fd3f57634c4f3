/** Raises a counter in a store by compare-and-swap, and writes a character for each time that it was told it had. */
import { writeSync } from 'node:fs';
import { openFilesystemStore } from '../../../src/adapters/store-filesystem.ts';

const [root = '', times = ''] = process.argv.slice(2);
const store = await openFilesystemStore({ root });

for (let done = 0; done < Number(times); ) {
  const there = await store.get('counter');
  if (there === undefined) throw new Error('there is no counter');
  const next = String(Number(new TextDecoder().decode(there.bytes)) + 1);
  const put = await store.put('counter', new TextEncoder().encode(next), { ifMatch: there.etag });
  if (put.status !== 'written') continue;
  done += 1;
  writeSync(1, '.');
}
