/** A program that starts an engine, gives it the segment named by its argument, says its child's pid, and waits to be killed. */
import { fakeEngine, request } from './fake-engine.ts';

const engine = fakeEngine();
await engine.start();
engine.synthesise(request(process.argv[2] ?? 'sleep 60000')).catch(() => {});
setTimeout(() => process.send?.(engine.hostPid), 100);
