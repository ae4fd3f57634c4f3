/** `narrator submit`: hands a manifest or a text to a server as a job. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { NarratorError } from '../core/errors.ts';
import { addBookFlags, type BookFlags, bookOptions, leftOutLines } from './book-flags.ts';
import type { ServerClient, ServerRequest } from './client.ts';
import type { ServerJob } from './client-job.ts';
import type { CliContext } from './context.ts';
import { addServerFlags, openClient, type ServerFlags } from './server-flags.ts';
import { addVoiceFlags, type VoiceFlags, wholeNumber } from './speaking-flags.ts';
import { addLexiconFlag, type LexiconFlag, lexiconOption } from './lexicon-flag.ts';
import type { JobOptions } from './submit-request.ts';
import { watchJob } from './watch.ts';

interface SubmitFlags extends ServerFlags, VoiceFlags, BookFlags, LexiconFlag {
  wait?: boolean;
  notify?: string[];
  priority?: number;
  idempotencyKey?: string;
  reuse: boolean;
  results?: string;
  metadata?: string[];
}

export function addSubmitCommand(program: Command, context: CliContext): void {
  const command = program
    .command('submit <source>')
    .description(
      'hand a manifest (.jsonl, .csv), a book (.epub, .md, .txt), a text file, "-", s3://… or https://… to a server as a job',
    );
  addLexiconFlag(addBookFlags(addVoiceFlags(command)))
    .option('--wait', 'follow the job until it is finished')
    .option(
      '--notify <url...>',
      'webhooks that are told when the job ends; signed with NARRATOR_WEBHOOK_SECRET, or else with the server’s own',
    )
    .option('--priority <number>', 'from -10 to 10: which of your jobs comes first', wholeNumber)
    .option('--results <place>', 'where the audio goes: s3://bucket/prefix, if the server may write there')
    .option('--metadata <name=value...>', 'notes that come back with the job')
    .option('--no-reuse', 'neither take nor keep synthesised segments')
    .option('--idempotency-key <key>', 'the same key again is the same job; by default every call makes a new one');
  addServerFlags(command)
    .addHelpText(
      'after',
      `
Prints the name of the job. Of a book each chapter is an item; it is read here, and sent as a manifest. Items name their text as "text": a server reads no files from beside a manifest.

Examples:
  narrator submit book.jsonl --voice slt --wait
  narrator submit emma.epub --voice slt --results s3://books/emma/audio
  echo 'Good morning.' | narrator submit - --json
  narrator submit s3://books/emma/manifest.jsonl --results s3://books/emma/audio --notify https://studio.example/hook

Exit code: 0 accepted (with --wait: every item has its WAV file, 3 some have, 1 none has).`,
    )
    .action((source: string, flags: SubmitFlags) => submit(context, source, flags));
}

async function submit(context: CliContext, source: string, flags: SubmitFlags): Promise<void> {
  const client = openClient(context, flags);
  const options = {
    ...optionsOf(flags, context.config.notify.webhookSecret),
    ...(await lexiconOption(flags, context.terminal)),
  };
  const asked = { ...bookOptions(flags), ...(flags.language !== undefined && { language: flags.language }) };
  const { submitRequest } = await import('./submit-request.ts');
  const { leftOut, ...request } = await submitRequest(source, options, asked);
  if (!flags.json) for (const line of leftOutLines(leftOut)) context.terminal.note(line);
  const job = await send(client, request, flags);
  if (flags.wait) {
    if (!flags.json) context.terminal.note(`Job ${job.id} is accepted.`);
    await watchJob(context, client, job.id, flags);
    return;
  }
  const { terminal } = context;
  if (flags.json) return terminal.print(JSON.stringify(job));
  terminal.print(job.id);
  terminal.note(`Job ${job.id} is accepted: narrator watch ${job.id}`);
}

/** Whatever the network does, it is one job: every try has the same name. */
function send(client: ServerClient, request: ServerRequest, { idempotencyKey }: SubmitFlags): Promise<ServerJob> {
  const headers = { ...request.headers, 'idempotency-key': idempotencyKey ?? randomUUID() };
  return client.json<ServerJob>('/v1/jobs', { method: 'POST', ...request, headers });
}

/** Without what was not asked for. @throws NarratorError usage */
function optionsOf(flags: SubmitFlags, secret: string | undefined): JobOptions {
  const { voice, speed, seed, language, normalise, emoji, unsupported, markup } = flags;
  const { steps, cfg, format, priority, notify, metadata, results } = flags;
  return given({
    defaults: given({ voice, speed, seed, language, normalise, emoji, unsupported, markup }),
    parameters: given({ steps, cfg }),
    format,
    priority,
    reuse: flags.reuse ? undefined : false,
    notify: notify?.map((url) => given({ kind: 'webhook', url, secret })),
    metadata: metadata && Object.fromEntries(metadata.map(pairOf)),
    results: results === undefined ? undefined : placeOf(results),
  });
}

function given(fields: JobOptions): JobOptions {
  const isGiven = (value: unknown) =>
    value !== undefined && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isGiven(value)));
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) {
    throw new NarratorError('usage', `--metadata is ${JSON.stringify(text)}; it must be name=value.`, {
      field: 'metadata',
    });
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

function placeOf(text: string): { bucket: string; prefix: string } {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (bucket !== undefined) return { bucket, prefix };
  throw new NarratorError('usage', `--results is ${JSON.stringify(text)}; it must be s3://bucket/prefix.`, {
    field: 'results',
  });
}
