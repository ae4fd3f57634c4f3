/**
 * The images' HEALTHCHECK. Plain JavaScript, because it runs beside the compiled program every few seconds.
 *   node docker/healthy.mjs http PATH        the server of this container answers PATH with a success
 *   node docker/healthy.mjs heartbeat FILE   the worker of this container touched FILE a moment ago
 */
import { statSync } from 'node:fs';

/** A worker touches its file every 10 s; in the grip of a graph optimisation it may be late. */
const HEARTBEAT_AGE_MAX_MS = 60_000;
const ANSWER_TIMEOUT_MS = 4_000;

async function trouble(kind, name) {
  if (kind === 'heartbeat') {
    const ageMs = Date.now() - statSync(name).mtimeMs;
    return ageMs > HEARTBEAT_AGE_MAX_MS ? `no heartbeat for ${Math.round(ageMs / 1000)} s` : undefined;
  }
  if (kind === 'http') {
    const port = process.env.SAGEMAKER_BIND_TO_PORT || process.env.NARRATOR_PORT || 8080;
    const url = `http://127.0.0.1:${port}${name}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return response.ok ? undefined : `${name} answers ${response.status}: ${await response.text()}`;
  }
  return 'use: healthy.mjs http PATH | heartbeat FILE';
}

const [kind, name] = process.argv.slice(2);
const found = await trouble(kind, name).catch((error) => error.message);
if (found !== undefined) process.stderr.write(`${found}\n`);
process.exitCode = found === undefined ? 0 : 1;
