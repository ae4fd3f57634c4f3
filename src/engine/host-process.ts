/** One life of the engine's child process, seen from the parent: it starts, answers one request at a time, and exits once. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NarratorError } from '../core/errors.ts';
import type { EngineInfo } from '../core/ports.ts';
import type { PreparedVoice } from '../core/voice.ts';
import type { BatchItem, HostReply, HostRequest, ModelOptions } from './protocol.ts';

/** src/ runs as .ts in development and as .js from dist/: the child is forked in the parent's own form. */
const HOST_MODULE = new URL(import.meta.url.endsWith('.ts') ? './host.ts' : './host.js', import.meta.url);

/** How much of what the child wrote to its terminal is kept for the log of its exit. */
const STDERR_TAIL_CHARACTERS = 2000;

export interface HostExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** the last that the child wrote to its standard error: native code reports there why it aborts */
  readonly stderrTail: string;
}

interface PendingAnswer {
  readonly resolve: (reply: HostReply) => void;
  readonly reject: (error: NarratorError) => void;
  readonly timer: NodeJS.Timeout;
}

export class HostProcess {
  /** Resolves when the process has gone and everything that it sent has been read. */
  readonly exited: Promise<HostExit>;
  readonly #child: ChildProcess;
  #pending: PendingAnswer | undefined;
  /** why nothing more can be asked of this child */
  #fault: NarratorError | undefined;
  #isLeaving = false;
  #stderrTail = '';

  constructor(module: URL = HOST_MODULE) {
    this.#child = fork(fileURLToPath(module), [], {
      serialization: 'advanced',
      // Loaders such as tsx carry over; a debugger's port and a watcher's restarts are the parent's alone.
      execArgv: process.execArgv.filter((argument) => !/^--(inspect|watch)/.test(argument)),
      // The child's standard output would end up in the middle of what a command prints.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.on('message', (reply: HostReply) => this.#receive(reply));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderrTail = (this.#stderrTail + text).slice(-STDERR_TAIL_CHARACTERS);
    });
    this.exited = this.#observeExit();
  }

  /** It died, was killed, or is about to: nothing more can be asked of it. */
  get isLost(): boolean {
    return this.#fault !== undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws the child's own start error; engine_crashed, or engine_timeout after `timeoutMs` */
  async load(model: ModelOptions, timeoutMs: number): Promise<EngineInfo> {
    const reply = await this.#ask({ type: 'load', model }, timeoutMs);
    if (reply.type === 'loaded') return reply.info;
    throw unexpected(reply);
  }

  /** @throws engine_crashed; engine_timeout after `timeoutMs`, the child is killed then; whatever failed the whole batch */
  async run(
    items: readonly BatchItem[],
    voices: readonly PreparedVoice[],
    timeoutMs: number,
  ): Promise<Extract<HostReply, { type: 'done' | 'voices-missing' }>> {
    const reply = await this.#ask({ type: 'batch', items, voices }, timeoutMs);
    if (reply.type === 'done' || reply.type === 'voices-missing') return reply;
    throw unexpected(reply);
  }

  /** Asks the child to leave once it has answered, and waits until it is gone: for ever, unless somebody kills it. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    if (this.#child.connected) this.#child.send({ type: 'close' } satisfies HostRequest, () => {});
    await this.exited;
  }

  /** At once; what is pending rejects with `reason`. */
  kill(reason: NarratorError): void {
    this.#fail(reason);
    this.#child.kill('SIGKILL');
  }

  #ask(request: HostRequest, timeoutMs: number): Promise<HostReply> {
    if (this.#fault) return Promise.reject(this.#fault);
    if (this.#pending) return Promise.reject(new NarratorError('internal', 'The engine host is busy already.'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seconds = Math.round(timeoutMs / 1000);
        this.kill(new NarratorError('engine_timeout', `The engine process gave no answer within ${seconds} s.`));
      }, timeoutMs);
      this.#pending = { resolve, reject, timer };
      // A send fails only when the channel is gone; the exit that follows settles what is pending.
      this.#child.send(request, () => {});
    });
  }

  #receive(reply: HostReply): void {
    if (reply.type === 'fatal') return this.kill(crashed(reply.error.message));
    const pending = this.#takePending();
    if (reply.type === 'failed') pending?.reject(NarratorError.fromRecord(reply.error));
    else pending?.resolve(reply);
  }

  #fail(reason: NarratorError): void {
    this.#fault ??= reason;
    this.#takePending()?.reject(this.#fault);
  }

  #takePending(): PendingAnswer | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    clearTimeout(pending?.timer);
    return pending;
  }

  #observeExit(): Promise<HostExit> {
    const child = this.#child;
    return new Promise((resolve) => {
      let channelClosed = false;
      let exit: Pick<HostExit, 'code' | 'signal'> | undefined;
      // The exit may be seen before the child's last messages are: only both together are the end.
      const settle = (): void => {
        if (!exit || !channelClosed) return;
        const how = exit.signal ? `signal ${exit.signal}` : `exit code ${exit.code}`;
        this.#fail(this.#isLeaving ? stopped() : crashed(how));
        resolve({ ...exit, stderrTail: this.#stderrTail });
      };
      child.once('disconnect', () => {
        channelClosed = true;
        settle();
      });
      child.once('exit', (code, signal) => {
        exit = { code, signal };
        settle();
      });
      child.on('error', (error) => {
        if (child.pid !== undefined) return;
        exit = { code: null, signal: null };
        channelClosed = true;
        this.#fail(
          new NarratorError('engine_crashed', 'The engine process could not be started.', {}, { cause: error }),
        );
        settle();
      });
    });
  }
}

export function stopped(): NarratorError {
  return new NarratorError('engine_stopped', 'The engine was closed.');
}

function crashed(how: string): NarratorError {
  return new NarratorError('engine_crashed', `The engine process died: ${how}.`);
}

function unexpected(reply: HostReply): NarratorError {
  return new NarratorError('internal', `The engine process answered '${reply.type}' to another question.`);
}
