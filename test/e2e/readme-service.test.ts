/** The commands of README's "As a service", typed one after another in a shell: as they stand, but for ports, keys and names of jobs. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { parseWav } from './narration.ts';
import { jsonl } from './manifests.ts';
import { ENTRY } from '../support/narrator-entry.ts';
import { RedisServer } from '../support/redis-server.ts';
import { startS3Emulator } from '../support/s3-emulator.ts';
import { ROOT, Workplace } from './narrator-process.ts';

const README = await readFile(join(ROOT, 'README.md'), 'utf8');
const BLOCKS = [.../^## As a service\n([^]*?)^## /m.exec(README)![1]!.matchAll(/^```sh\n([^]*?)^```/gm)].map(
  ([, body]) =>
    body!
      .split('\n')
      .map((line) => line.replace(/\s+#.*/, ''))
      .filter((line) => line !== ''),
);

/** A shell in which `narrator` is the one of these sources, and its server has a port and a home of the test's own. */
class Shell {
  readonly place: Workplace;
  readonly url: string;
  readonly #env: Record<string, string | undefined>;
  readonly #servers: ChildProcess[] = [];
  /** settings that were exported */
  #exports = '';

  private constructor(place: Workplace, port: number, env: Readonly<Record<string, string>>) {
    this.place = place;
    this.url = `http://127.0.0.1:${port}`;
    const inherited = Object.entries(process.env).filter(([name]) => !/^(NARRATOR_|NODE_)/.test(name));
    this.#env = {
      ...Object.fromEntries(inherited),
      PATH: `${place.path('bin')}:${process.env.PATH}`,
      NARRATOR_HOME: place.path('home'),
      NARRATOR_PORT: String(port),
      NARRATOR_URL: this.url,
      ...env,
    };
  }

  /** @param env what the README takes for granted */
  static async open(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Shell> {
    const place = await Workplace.open(t);
    const shell = new Shell(place, await freePort(), env);
    t.after(() => shell.#end());
    const command = [process.execPath, ...ENTRY].map((part) => `'${part}'`).join(' ');
    await chmod(await place.write('bin/narrator', `#!/bin/sh\nexec ${command} "$@"\n`), 0o755);
    await place.write(
      'book.jsonl',
      jsonl([
        { id: 'one', text: 'Rain fell.' },
        { id: 'two', text: 'The sun rose.' },
      ]),
    );
    return shell;
  }

  /** @returns what it prints */
  async run(line: string): Promise<string> {
    const child = this.#spawn(line);
    let said = '';
    let printed = '';
    child.stdout!.on('data', (text: Buffer) => (printed += text.toString()));
    child.stderr!.on('data', (text: Buffer) => (said += text.toString()));
    const [exitCode] = (await once(child, 'close')) as [number];
    assert.equal(exitCode, 0, `${line}\n${said}${printed}`);
    return printed;
  }

  /** For all lines that follow. */
  export(line: string): void {
    assert.match(line, /^export /);
    this.#exports += `${line}; `;
  }

  /** Starts what does not end by itself. @returns what it has said so far */
  start(line: string): { readonly child: ChildProcess; said: string } {
    // Settings stand before the command, and the shell makes way for it, so that signals reach it.
    const child = this.#spawn(line.replace(/^((?:\w+=\S+ )*)/, '$1exec '));
    this.#servers.push(child);
    child.stdout!.resume();
    const started = { child, said: '' };
    child.stderr!.on('data', (text: Buffer) => (started.said += text.toString()));
    return started;
  }

  async serve(line: string): Promise<void> {
    const started = this.start(line);
    while (
      !(await fetch(`${this.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      assert.equal(started.child.exitCode, null, `${line}\n${started.said}`);
      await delay(100);
    }
  }

  /** The last that was started: in order. */
  async endServer(): Promise<void> {
    const child = this.#servers.pop()!;
    child.kill('SIGTERM');
    const [exitCode] = (await once(child, 'exit')) as [number];
    assert.equal(exitCode, 0);
  }

  /** A line of the README for this machine of the moment. */
  adapted(line: string, replaced: Readonly<Record<string, string>> = {}): string {
    let adapted = line.replaceAll('http://127.0.0.1:8080', this.url);
    for (const [found, by] of Object.entries(replaced)) adapted = adapted.replaceAll(found, by);
    return adapted;
  }

  #spawn(line: string): ChildProcess {
    return spawn('sh', ['-c', this.#exports + line], {
      cwd: this.place.folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #end(): void {
    for (const child of this.#servers) child.kill('SIGKILL');
  }
}

test('on one machine: serve, submit, fetch, and a text that is spoken at once', async (t) => {
  const shell = await Shell.open(t);
  const [serve, submit, fetching, curl, ...more] = BLOCKS[0]!;
  assert.deepEqual([serve, more], ['narrator serve', []]);
  await shell.serve(serve!);
  const printed = await shell.run(shell.adapted(submit!));
  const [, job] = /Job (\S+)/.exec(printed) ?? [];
  assert.ok(job !== undefined, printed);
  await shell.run(shell.adapted(fetching!, { JOB: job }));
  const files = await readdir(shell.place.path('book'));
  assert.deepEqual(files.filter((name) => name.endsWith('.wav')).sort(), ['one.wav', 'two.wav']);
  assert.ok(files.includes('results.jsonl'));
  await shell.run(shell.adapted(curl!));
  for (const name of ['book/one.wav', 'morning.wav']) {
    const { sampleRateHz, samples } = parseWav(await readFile(shell.place.path(name)));
    assert.ok(sampleRateHz === 24_000 && samples.length > 5_000, name);
  }
  await shell.endServer();
});

test('for others: a key is made, and whoever has it may submit', async (t) => {
  const shell = await Shell.open(t);
  const [create, serve, submit, ...more] = BLOCKS[1]!;
  assert.deepEqual(more, []);
  const [key] = /nk_\w+/.exec(await shell.run(create!)) ?? [];
  assert.ok(key !== undefined);
  // On this machine only.
  await shell.serve(shell.adapted(serve!, { '0.0.0.0': '127.0.0.1' }));
  const without = await fetch(`${shell.url}/v1/jobs`);
  assert.equal(without.status, 401);
  await shell.run(shell.adapted(submit!, { 'http://narrator.example:8080': shell.url, 'nk_…': key }));
  await shell.endServer();
});

test('with workers: what one server takes, a worker speaks, by Redis and S3', async (t) => {
  const redis = await RedisServer.start();
  t.after(() => redis.end());
  const s3 = await startS3Emulator();
  t.after(() => s3.close());
  s3.createBucket('my-bucket');
  const shell = await Shell.open(t, {
    AWS_REGION: s3.connection.region,
    AWS_ACCESS_KEY_ID: s3.connection.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.connection.credentials.secretAccessKey,
    NARRATOR_S3_ENDPOINT: s3.endpoint,
    NARRATOR_S3_PATH_STYLE: 'true',
  });
  const [settings, serve, work, ...more] = BLOCKS[2]!;
  assert.deepEqual(more, []);
  shell.export(shell.adapted(settings!, { 'redis://queue.example:6379': redis.url }));
  await shell.serve(shell.adapted(serve!, { '8080': new URL(shell.url).port }));
  const worker = shell.start(work!);
  const printed = await shell.run(shell.adapted(BLOCKS[0]![1]!)).catch((error: unknown) => {
    throw new Error(`The worker said: ${worker.said}`, { cause: error });
  });
  const [, job] = /Job (\S+)/.exec(printed) ?? [];
  const folder = `narrator/jobs/${job}/results/`;
  const wavs = s3.keysIn('my-bucket').filter((key) => key.startsWith(folder) && key.endsWith('.wav'));
  assert.deepEqual(wavs, [`${folder}one.wav`, `${folder}two.wav`]);
  await shell.endServer();
  await shell.endServer();
});
