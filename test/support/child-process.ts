/** A process of a test or of the stack that may be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export interface RestartableOptions {
  readonly name: string;
  /** of node */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** resolves to true once it does its work */
  readonly isReady?: () => Promise<boolean>;
  readonly readyTimeoutMs?: number;
  /** from 0 to 19: how readily it lets others have the processor */
  readonly niceness?: number;
  /** it ended although nobody told it to */
  readonly onLost?: (process: Restartable) => void;
}

const OUTPUT_CHARACTERS_MAX = 200_000;

export class Restartable {
  readonly #options: RestartableOptions;
  #child: ChildProcess | undefined;
  #output = '';
  #exitCode: number | null = null;

  constructor(options: RestartableOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** what it said, of all its lives: the end of it */
  get output(): string {
    return this.#output;
  }

  /** of its last life, if that has ended by itself or by SIGTERM */
  get exitCode(): number | null {
    return this.#exitCode;
  }

  /** Starts it and waits until it is ready. @throws Error with what it said, if it ends before */
  async up(): Promise<void> {
    if (this.#child !== undefined) return;
    const { args, env, name, isReady, onLost, niceness, readyTimeoutMs = 120_000 } = this.#options;
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    if (niceness !== undefined && child.pid !== undefined) setPriority(child.pid, niceness);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS_MAX);
      });
    }
    child.on('exit', (code) => {
      this.#exitCode = code;
      if (this.#child !== child) return;
      this.#child = undefined;
      onLost?.(this);
    });
    const deadline = performance.now() + readyTimeoutMs;
    while (isReady !== undefined && !(await isReady())) {
      if (this.#child !== child) throw new Error(`${name} ended with ${child.exitCode}:\n${this.#output}`);
      if (performance.now() > deadline) throw new Error(`${name} is not ready:\n${this.#output}`);
      await delay(100);
    }
  }

  /** @returns its exit code; null if the signal ended it, or if it was not up */
  async down(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const exited = once(child, 'exit');
    this.#child = undefined;
    child.kill(signal);
    await exited;
    return child.exitCode;
  }
}
