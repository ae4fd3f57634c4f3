/** `narrator status`: one job of a server, or all of them, newest first. */
import { type Command, Option } from 'commander';
import { NarratorError } from '../core/errors.ts';
import type { ServerItem, ServerJob, ServerPage } from './client-job.ts';
import { jobPath, type ServerClient } from './client.ts';
import type { CliContext } from './context.ts';
import { addServerFlags, openClient, type ServerFlags } from './server-flags.ts';
import { wholeNumber } from './speaking-flags.ts';
import { formatDuration, formatError, formatTable, type Terminal } from './terminal.ts';

interface StatusFlags extends ServerFlags {
  state?: string;
  limit: number;
}

const STATES = ['planning', 'running', 'cancelling', 'completed', 'partially_failed', 'failed', 'cancelled'];
/** Failures that are printed; `narrator fetch` brings all of them. */
const FAILURES_SHOWN = 20;

export function addStatusCommand(program: Command, context: CliContext): void {
  const command = program
    .command('status [job]')
    .description('how far a job on a server is, and what failed; without a name: the latest jobs')
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(STATES))
    .option('--limit <count>', 'jobs that are listed, at most 500', wholeNumber, 20);
  addServerFlags(command).action((jobId: string | undefined, flags: StatusFlags) => {
    const client = openClient(context, flags);
    return jobId === undefined ? list(context, client, flags) : show(context, client, jobId, flags);
  });
}

async function list(
  { terminal }: CliContext,
  client: ServerClient,
  { state, limit, json }: StatusFlags,
): Promise<void> {
  const query = { status: state, limit: String(limit) };
  const page = await client.json<ServerPage<ServerJob>>('/v1/jobs', { query });
  if (json) return terminal.print(JSON.stringify(page));
  const rows = page.data.map(({ id, status, items, percent, audioSeconds, createdAt }) => [
    id,
    status,
    `${Math.floor(percent)} %`,
    `${items.succeeded}/${items.total}${items.failed > 0 ? ` (${items.failed} failed)` : ''}`,
    formatDuration(audioSeconds.finished),
    createdAt,
  ]);
  for (const line of formatTable([['JOB', 'STATE', 'DONE', 'ITEMS', 'AUDIO', 'CREATED'], ...rows]))
    terminal.print(line);
}

async function show(
  { terminal }: CliContext,
  client: ServerClient,
  jobId: string,
  { json }: StatusFlags,
): Promise<void> {
  const job = await client.job(jobId);
  if (json) return terminal.print(JSON.stringify(job));
  const { id, status, items, audioSeconds, percent, etaSeconds, createdAt, finishedAt, error } = job;
  const rows = [
    ['job', id],
    [
      'state',
      `${status}, ${Math.floor(percent)} %${etaSeconds === undefined ? '' : `, about ${formatDuration(etaSeconds)} left`}`,
    ],
    ['items', `${items.succeeded} of ${items.total} done${items.failed > 0 ? `, ${items.failed} failed` : ''}`],
    ['audio', `${formatDuration(audioSeconds.finished)} of about ${formatDuration(audioSeconds.predicted)}`],
    ['created', createdAt],
    ...(finishedAt === undefined ? [] : [['finished', finishedAt]]),
  ];
  for (const line of formatTable(rows)) terminal.print(line);
  if (error !== undefined) terminal.note(formatError(NarratorError.fromRecord(error)));
  if (items.failed > 0) await showFailures(terminal, client, jobId, items.failed);
}

async function showFailures(terminal: Terminal, client: ServerClient, jobId: string, failed: number): Promise<void> {
  const query = { status: 'failed', limit: String(FAILURES_SHOWN) };
  const { data } = await client.json<ServerPage<ServerItem>>(jobPath(jobId, 'items'), { query });
  for (const { error } of data) if (error !== undefined) terminal.note(formatError(NarratorError.fromRecord(error)));
  if (failed > data.length) terminal.note(`… and ${failed - data.length} more`);
}
