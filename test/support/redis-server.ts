/** A redis-server of the test's own, on a free loopback port, with an append-only file in a temporary folder. Needs Debian's redis-server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.ts';

const START_TIMEOUT_MS = 15_000;

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'narrator-redis-')));
    await server.up();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** On the same port and with the same data as before. */
  async up(): Promise<void> {
    const flags = { port: this.port, bind: '127.0.0.1', dir: this.#folder, save: '', appendonly: 'yes' };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    let failure: string | undefined;
    child.on('error', (error) => (failure = `redis-server cannot be started (apt-get install redis-server): ${error}`));
    child.on('exit', (code) => (failure = `redis-server ended with ${code}`));
    this.#process = child;
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await answersPing(this.port))) {
      if (failure !== undefined) throw new Error(failure);
      if (performance.now() > deadline) throw new Error(`redis-server is not up after ${START_TIMEOUT_MS} ms`);
      await delay(20);
    }
  }

  /** SIGKILL by default: what a crash leaves. */
  async down(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async end(): Promise<void> {
    await this.down();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** PONG only: while it loads its file, Redis takes connections and answers with an error. */
async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return reply.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
