/** `narrator serve`: the HTTP interface on this machine. */
import type { Command } from 'commander';
import { logFunction } from '../runtime/logger.ts';
import { type RunningServer, serve } from '../runtime/serve.ts';
import type { CliContext } from './context.ts';
import { openNarrator } from './open-narrator.ts';
import { addModelFlags, type ModelFlags, number } from './speaking-flags.ts';

interface ServeFlags extends ModelFlags {
  host: string;
  port: number;
  clips?: string;
  json?: boolean;
}

export function addServeCommand(program: Command, context: CliContext): void {
  const command = program
    .command('serve')
    .description('answer HTTP requests: POST /tts, and POST /v1/audio/speech for OpenAI clients')
    .option('--host <address>', 'loopback address to listen on', '127.0.0.1')
    .option('-p, --port <number>', 'port to listen on; 0: any free one', number, 8080)
    .option('--clips <folder>', 'folder below which ref_audio may name files')
    .option('--json', 'print JSON');
  addModelFlags(command)
    .addHelpText(
      'after',
      `
Example:
  narrator serve &
  curl -s http://127.0.0.1:8080/tts -H 'content-type: application/json' -d '{"text": "Good morning."}' -o morning.wav`,
    )
    .action((flags: ServeFlags) => run(context, flags));
}

async function run(context: CliContext, { host, port, clips, json, ...flags }: ServeFlags): Promise<void> {
  const { terminal, lifecycle, log } = context;
  // Known only after the narrator, and closed before it.
  const running: { server?: RunningServer } = {};
  const narrator = await openNarrator(context, flags, {
    name: 'http',
    timeoutMs: 12_000,
    run: async () => running.server?.close(10_000),
  });
  const server = (running.server = await serve(narrator, {
    host,
    port,
    log: logFunction(log),
    ...(clips !== undefined && { clipsFolder: clips }),
  }));
  const model = narrator.model.description.id;
  terminal.print(
    json
      ? JSON.stringify({ url: server.url, model })
      : `Listening on ${server.url} with the model ${model}. No keys are asked for, so it listens on this machine only.`,
  );
  await new Promise<void>((resolve) => lifecycle.signal.addEventListener('abort', () => resolve()));
}
