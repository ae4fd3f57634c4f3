/** The same as a process: it ends by itself, or only by SIGKILL where FAKE_STUBBORN is set. */
import { createFakeContainer } from './fake-container.ts';

const { server } = createFakeContainer();
server.listen(Number(process.env['SAGEMAKER_BIND_TO_PORT']), '127.0.0.1');
process.on('SIGTERM', () => {
  if (process.env['FAKE_STUBBORN'] !== undefined) return;
  // What it has is finished first.
  server.close(() => process.exit(0));
  setInterval(() => server.closeIdleConnections(), 10);
});
