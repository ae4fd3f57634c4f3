import { MemoryStore } from '../../src/adapters/store-memory.ts';
import { testStoreContract } from './store-contract.ts';

testStoreContract('the store in memory', async () => ({
  store: new MemoryStore(),
  close: async () => {},
}));
