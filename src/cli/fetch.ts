/** `narrator fetch`: what is done of a job, from a server to a folder. Run it again to go on. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { type NarratorError, toNarratorError } from '../core/errors.ts';
import { errorsKey, resultsKey } from '../core/keys.ts';
import { jobPath, type ServerClient } from './client.ts';
import { exitCodeFor, isFinished, type ServerItem, type ServerJob, type ServerPage } from './client-job.ts';
import type { CliContext } from './context.ts';
import { type DoneItem, fetchItem } from './fetch-item.ts';
import { addServerFlags, openClient, type ServerFlags } from './server-flags.ts';
import { wholeNumber } from './speaking-flags.ts';
import { EXIT, formatBar, formatError } from './terminal.ts';

interface FetchFlags extends ServerFlags {
  output: string;
  parallel: number;
}

interface Fetched {
  fetched: number;
  alreadyThere: number;
  readonly problems: NarratorError[];
}

/** Pages have the timings: each item is one request more, and none if its files are here. */
const PAGE_ITEMS = 500;
const PARALLEL_MAX = 32;
/** Items that cannot be fetched, one after another, after which the rest is not tried. */
const PROBLEMS_MAX = 20;

export function addFetchCommand(program: Command, context: CliContext): void {
  const command = program
    .command('fetch <job>')
    .description('download what is done of a job: WAV files, timings and results; run it again to go on')
    .requiredOption('-o, --output <folder>', 'folder for the files')
    .option('--parallel <count>', 'files at once, at most 32', wholeNumber, 6);
  addServerFlags(command)
    .addHelpText(
      'after',
      `
Files that are there and whole are not fetched again. Exit code: 0 the job is completed and everything is here, 3 some items failed
or are not done yet, 1 there is nothing to fetch.`,
    )
    .action((jobId: string, flags: FetchFlags) => fetchJob(context, jobId, flags));
}

async function fetchJob(context: CliContext, jobId: string, flags: FetchFlags): Promise<void> {
  const { terminal } = context;
  const parallel = Math.min(PARALLEL_MAX, Math.max(1, flags.parallel));
  const folder = resolve(flags.output);
  const client = openClient(context, flags);
  context.onInterrupt('What is fetched is kept: run the same command again to go on.');
  const job = await client.job(jobId);
  await mkdir(folder, { recursive: true });
  const fetched = await fetchItems(context, { client, job, folder, parallel });
  terminal.clearProgress();
  const [problem] = fetched.problems;
  if (problem !== undefined && fetched.fetched + fetched.alreadyThere === 0) throw problem;
  if (isFinished(job)) await fetchLists(client, jobId, folder);
  report(context, job, fetched, { folder, json: flags.json === true });
}

async function fetchItems(
  { terminal, lifecycle }: CliContext,
  { client, job, folder, parallel }: { client: ServerClient; job: ServerJob; folder: string; parallel: number },
): Promise<Fetched> {
  const { signal } = lifecycle;
  const fetched: Fetched = { fetched: 0, alreadyThere: 0, problems: [] };
  const target = { client, jobId: job.id, folder, signal };
  const one = async (item: DoneItem) => {
    try {
      if (await fetchItem(item, target)) fetched.fetched += 1;
      else fetched.alreadyThere += 1;
    } catch (thrown) {
      const error = toNarratorError(thrown);
      // Of the machine or of the server, not of the item.
      if (signal.aborted || error.code === 'store_full' || fetched.problems.length >= PROBLEMS_MAX) throw error;
      fetched.problems.push(error.with({ item: item.id }));
    }
    const done = fetched.fetched + fetched.alreadyThere;
    terminal.progress(`${formatBar(done / Math.max(1, job.items.succeeded))} ${done} of ${job.items.succeeded} items`);
  };
  await eachOf(doneItems(client, job.id), parallel, one);
  return fetched;
}

async function* doneItems(client: ServerClient, jobId: string): AsyncGenerator<DoneItem> {
  let cursor: string | undefined;
  do {
    const query = { status: 'done', timings: 'true', limit: String(PAGE_ITEMS), cursor };
    const page = await client.json<ServerPage<ServerItem>>(jobPath(jobId, 'items'), { query });
    for (const item of page.data) if (hasAudio(item)) yield item;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

const hasAudio = (item: ServerItem): item is DoneItem =>
  item.id !== undefined && item.output !== undefined && item.url !== undefined;

/** `parallel` at once. The first error ends it, once those at work have ended. */
async function eachOf<T>(source: AsyncIterator<T>, parallel: number, work: (one: T) => Promise<void>): Promise<void> {
  let failed = false;
  const worker = async () => {
    try {
      for (;;) {
        const next = await source.next();
        if (failed || next.done === true) return;
        await work(next.value);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: parallel }, worker));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** results.jsonl and errors.jsonl, as the server has them. */
async function fetchLists(client: ServerClient, jobId: string, folder: string): Promise<void> {
  for (const [route, name] of [
    ['results', resultsKey('')],
    ['errors', errorsKey('')],
  ] as const) {
    const path = join(folder, name);
    const response = await client.send(jobPath(jobId, route));
    await pipeline(response.body ?? [], createWriteStream(`${path}.part`));
    await rename(`${path}.part`, path);
  }
}

function report(
  context: CliContext,
  job: ServerJob,
  { fetched, alreadyThere, problems }: Fetched,
  { folder, json }: { folder: string; json: boolean },
): void {
  const { terminal } = context;
  const here = fetched + alreadyThere;
  const isWhole = isFinished(job) && problems.length === 0;
  context.exit(here === 0 ? EXIT.failed : isWhole ? exitCodeFor(job) : EXIT.partial);
  if (json) {
    const { id, status, items } = job;
    const errors = problems.map((error) => error.toRecord());
    return terminal.print(JSON.stringify({ job: id, status, items, fetched, alreadyThere, folder, problems: errors }));
  }
  for (const problem of problems) terminal.note(formatError(problem));
  const before = alreadyThere > 0 ? ` (${alreadyThere} were there)` : '';
  const open = isFinished(job) ? '' : `; the job is ${job.status}: run this again when it has gone on`;
  terminal.print(`${here} of ${job.items.total} items in ${folder}${before}${open}`);
}
