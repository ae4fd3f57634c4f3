/** Flags of the commands that talk to a server, and the client that they make. */
import type { Command } from 'commander';
import { NarratorError } from '../core/errors.ts';
import { ServerClient } from './client.ts';
import type { CliContext } from './context.ts';

export interface ServerFlags {
  server?: string;
  json?: boolean;
}

/** Where `narrator serve` listens unless it is told otherwise. */
const DEFAULT_URL = 'http://127.0.0.1:8080';

/** The key comes from NARRATOR_API_KEY only: command lines are seen by everybody on a machine. */
export function addServerFlags(command: Command): Command {
  return command
    .option('--server <url>', `address of the server (or NARRATOR_URL; else ${DEFAULT_URL})`)
    .option('--json', 'print JSON');
}

/** @throws NarratorError usage: an address that is none */
export function openClient({ config, terminal, lifecycle }: CliContext, { server }: ServerFlags): ServerClient {
  const url = server ?? config.client.url ?? DEFAULT_URL;
  if (!URL.canParse(url) || !/^https?:\/\//i.test(url)) {
    throw new NarratorError('usage', `--server is ${JSON.stringify(url)}; it must be an http or https address.`, {
      field: 'server',
    });
  }
  let isSaid = false;
  return new ServerClient({
    url,
    apiKey: config.client.apiKey,
    signal: lifecycle.signal,
    onRetry: ({ message }) => {
      if (!isSaid) terminal.note(`${message} It is tried again.`);
      isSaid = true;
    },
  });
}
