/** A container as a process of this machine: it is told its port, and ends by signals as on SageMaker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

export interface ContainerCommand {
  /** program and arguments */
  readonly argv: readonly [string, ...string[]];
  /** added to this process's own; a value of undefined takes a variable away */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const OUTPUT_CHARACTERS_MAX = 100_000;

export class ContainerProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly exited: Promise<void>;
  #output = '';

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
    // 'error': it could not be started at all.
    this.exited = Promise.race([once(child, 'exit'), once(child, 'error')]).then(
      () => undefined,
      () => undefined,
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS_MAX);
      });
    }
  }

  static async start({ argv: [program, ...args], env = {} }: ContainerCommand): Promise<ContainerProcess> {
    const port = await freePort();
    const child = spawn(program, args, {
      env: { ...process.env, ...env, SAGEMAKER_BIND_TO_PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ContainerProcess(child, port);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** the end of what it said */
  get output(): string {
    return this.#output;
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }
}

/** Nothing listened on it a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}
