/** Entry of the child process: the model is imported only once the loop listens, so that even a failing import is reported. */
import { runHost } from './host-loop.ts';

runHost(async (model) => {
  const { loadF5Synthesiser } = await import('./f5/f5-synthesiser.ts');
  return loadF5Synthesiser(model);
});
