/**
 * The command line as people run it: child processes with a home folder and temporary files of their own. Everything a test
 * starts has ended, and everything it wrote is gone, when the test is over; nothing else is ever killed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ENTRY } from '../support/narrator-entry.ts';

export { LOADER, ROOT } from '../support/narrator-entry.ts';

/** Sixteen times faster than the model's defaults: for tests of everything but the sound. */
export const FAST = ['--steps', '2', '--cfg', '0'] as const;

/** A child that takes longer hangs: it is killed, and its test fails. */
const HANG_MS = 900_000;

/** Temporary files of all children of this file; loaders keep their cache here too. */
const TEMPORARY = mkdtempSync(join(tmpdir(), 'narrator-e2e-tmp-'));
process.on('exit', () => rmSync(TEMPORARY, { recursive: true, force: true }));

export interface Finished {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

interface LogLine {
  readonly event: string;
  readonly to?: string;
  readonly pid?: number;
}

/** A child that may still be at work. */
export class NarratorProcess {
  readonly finished: Promise<Finished>;
  readonly child: ChildProcess;
  #stderr = '';
  #isOver = false;

  constructor(child: ChildProcess) {
    this.child = child;
    const stdout: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    const guard = setTimeout(() => this.kill('SIGKILL'), HANG_MS);
    this.finished = once(child, 'close').then(([exitCode, signal]) => {
      clearTimeout(guard);
      this.#isOver = true;
      return {
        exitCode: exitCode as number | null,
        signal: signal as NodeJS.Signals | null,
        stdout: Buffer.concat(stdout),
        stderr: this.#stderr,
      };
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Log lines of an event so far; the log must be at level info, see LOGGING. */
  logged(event: string): LogLine[] {
    const complete = this.#stderr.slice(0, this.#stderr.lastIndexOf('\n') + 1);
    const lines = complete.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line.event === event);
  }

  /** Waits for the n-th log line of an event. @returns false if the process ended without it */
  async reaches(event: string, count = 1): Promise<boolean> {
    while (this.logged(event).length < count) {
      if (this.#isOver) return false;
      await delay(5);
    }
    return true;
  }

  /** The process in which the model runs now, if one is ready. */
  enginePid(): number | undefined {
    return this.logged('engine_state').findLast(({ to }) => to === 'ready')?.pid;
  }
}

/** Environment in which a narrator says what its engine does. */
export const LOGGING = { NARRATOR_LOG_LEVEL: 'info' } as const;

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
}

/** A folder of one test, and the narrators that work there. */
export class Workplace {
  readonly folder: string;
  readonly #started: NarratorProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(t: TestContext): Promise<Workplace> {
    const place = new Workplace(await mkdtemp(join(tmpdir(), 'narrator-e2e-')));
    t.after(() => place.#close());
    return place;
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  async write(name: string, content: string | Buffer): Promise<string> {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  /** Relative names are of this folder: it is the working directory. */
  start(args: readonly string[], options: StartOptions = {}): NarratorProcess {
    return this.spawn([...ENTRY, ...args], options);
  }

  /** Runs a command to its end, which must be this exit code. */
  async narrator(args: readonly string[], options: StartOptions & { exitCode?: number } = {}): Promise<Finished> {
    const { exitCode = 0, ...starting } = options;
    const finished = await this.start(args, starting).finished;
    const said = `narrator ${args.join(' ')}\n${finished.stderr}${finished.stdout.subarray(0, 2000).toString()}`;
    assert.equal(finished.signal ?? finished.exitCode, exitCode, said);
    return finished;
  }

  /** The one JSON object that a command with --json prints. */
  async json<T>(args: readonly string[], options: StartOptions & { exitCode?: number } = {}): Promise<T> {
    const { stdout } = await this.narrator([...args, '--json'], options);
    const lines = stdout.toString().split('\n');
    assert.deepEqual([lines.length, lines[1]], [2, ''], `not one line: ${stdout.subarray(0, 2000).toString()}`);
    return JSON.parse(lines[0] as string) as T;
  }

  spawn(argv: readonly string[], { env = {}, input }: StartOptions = {}): NarratorProcess {
    const inherited = Object.entries(process.env).filter(([name]) => !/^(NARRATOR_|NODE_|HF_TOKEN)/.test(name));
    const child = spawn(process.execPath, argv, {
      cwd: this.folder,
      env: {
        ...Object.fromEntries(inherited),
        NARRATOR_HOME: this.path('home'),
        TMPDIR: TEMPORARY,
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A narrator that does not read its standard input may end before all of it is written.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    const running = new NarratorProcess(child);
    this.#started.push(running);
    return running;
  }

  async #close(): Promise<void> {
    for (const running of this.#started) running.kill('SIGKILL');
    await Promise.all(this.#started.map(({ finished }) => finished));
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What narrators have left where temporary files belong. */
export async function temporaryFiles(): Promise<string[]> {
  return (await readdir(TEMPORARY)).filter((name) => name.startsWith('f5-narrator'));
}

/** Whether there is such a process. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // What has ended and was not yet waited for by its (new) parent is still listed.
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  return !/\) [ZX] /.test(stat);
}

/** Waits for a process that must end by itself. */
export async function ended(pid: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 50) {
    if (!isRunning(pid)) return true;
    await delay(50);
  }
  return false;
}

/** Every file below a folder: its path, and its content; of links only that they are there. */
export async function filesBelow(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (entry.isFile()) files.set(name, await readFile(path, 'latin1'));
    else if (!entry.isDirectory()) files.set(name, 'not a file');
  }
  return files;
}

export async function jsonLines<T>(path: string): Promise<T[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as T);
}
