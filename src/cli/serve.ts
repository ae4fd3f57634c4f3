/** `narrator serve`: the service on this machine, or one of several API processes. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { NarratorError } from '../core/errors.ts';
import { boundHeap } from '../runtime/bound-heap.ts';
import type { Config } from '../runtime/config.ts';
import { logFunction } from '../runtime/logger.ts';
import type { RunningServer } from '../runtime/server.ts';
import type { CliContext } from './context.ts';
import { addModelFlags, configWith, type ModelFlags, wholeNumber } from './speaking-flags.ts';

interface ServeFlags extends ModelFlags {
  host?: string;
  port?: number;
  clips?: string;
  lexicon?: string;
  json?: boolean;
}

/** With the service's own phases within the lifecycle's 25 s. */
const ANSWERS = { graceMs: 8_000, timeoutMs: 9_000 };

export function addServeCommand(program: Command, context: CliContext): void {
  const command = program
    .command('serve')
    .description(
      'jobs over HTTP, and texts that are spoken at once: POST /tts, POST /v1/audio/speech for OpenAI clients',
    )
    .option('--host <address>', 'address to listen on (or NARRATOR_HOST; else 127.0.0.1)')
    .option('-p, --port <number>', 'port to listen on; 0: any free one (or NARRATOR_PORT; else 8080)', wholeNumber)
    .option(
      '--lexicon <file>',
      'words with a pronunciation of their own, for every job: .json, .csv or .pls (or NARRATOR_LEXICON)',
    )
    .option('--clips <folder>', 'folder below which ref_audio may name files (or NARRATOR_CLIPS_FOLDER)')
    .option('--json', 'print JSON');
  addModelFlags(command)
    .addHelpText(
      'after',
      `
By itself it needs nothing else: jobs and audio lie in NARRATOR_STORE (by default the folder "service" in NARRATOR_HOME), and the model
runs here. With NARRATOR_REDIS_URL it hands the work to any number of \`narrator worker\`. Jobs that were not finished go on at
the next start. Everybody on this machine may use it until there are keys: \`narrator keys create\`.

Example:
  narrator serve &
  narrator submit book.jsonl --wait
  curl -s http://127.0.0.1:8080/tts -H 'content-type: application/json' -d '{"text": "Good morning."}' -o morning.wav`,
    )
    .action((flags: ServeFlags) => serve(context, flags));
}

async function serve(context: CliContext, { json, ...flags }: ServeFlags): Promise<void> {
  boundHeap();
  const [{ Service }, { startServer }] = await Promise.all([
    import('../runtime/service.ts'),
    import('../runtime/server.ts'),
  ]);
  const { terminal, lifecycle, log } = context;
  const service = await Service.open(withServerFlags(configWith(context.config, flags), flags), logFunction(log));
  if (lifecycle.signal.aborted) {
    // Told to stop while it opened: phases that were added now would never run.
    for (const { run } of service.phases()) await run();
    return;
  }
  // Known only after the service, and closed before it.
  const running: { server?: RunningServer } = {};
  const { timeoutMs, graceMs } = ANSWERS;
  lifecycle.add({ name: 'answers', timeoutMs, run: async () => running.server?.close(graceMs) });
  for (const phase of service.phases()) lifecycle.add(phase);
  const server = (running.server = await startServer(service));
  await service.start();
  const { url, asksForKeys } = server;
  const { store, model, dispatch } = { ...service.config, model: service.narrator.model.description.id };
  const where = store?.kind === 's3' ? `s3://${store.bucket}/${store.prefix}` : (store?.path ?? '');
  if (json) terminal.print(JSON.stringify({ url, model, dispatch: dispatch.kind, store: where, asksForKeys }));
  else {
    const who = asksForKeys ? 'It asks for API keys.' : 'No keys are asked for, so it listens on this machine only.';
    terminal.print(`Listening on ${url} with the model ${model}. Jobs lie in ${where}. ${who}`);
  }
  if (!lifecycle.signal.aborted) await once(lifecycle.signal, 'abort');
}

function withServerFlags(config: Config, { host, port, clips, lexicon }: ServeFlags): Config {
  if (port !== undefined && (port < 0 || port > 65_535)) {
    throw new NarratorError('usage', `--port is ${port}; it must be from 0 to 65535.`, { field: 'port' });
  }
  const wished = {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(clips !== undefined && { clipsFolder: clips }),
  };
  return { ...config, ...(lexicon !== undefined && { lexicon }), server: { ...config.server, ...wished } };
}
