import { MemoryStore } from '../unit/core/memory-store.ts';
import { testStoreContract } from './store-contract.ts';

testStoreContract('the store in memory that tests use', async () => ({
  store: new MemoryStore(),
  close: async () => {},
}));
