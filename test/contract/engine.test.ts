import { fakeEngine, request } from '../integration/engine/fake-engine.ts';
import { testEngine } from './engine-contract.ts';

testEngine('EngineProcess with a fake model', {
  create: () => fakeEngine(),
  request: (index) => request(`text ${index}`, { frames: 20 + 97 * index }),
  failing: { request: request('silence'), code: 'waveform_invalid' },
  crashing: request('crash'),
});
