import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NarratorError } from '../../../src/core/errors.ts';
import type { EngineProcess, EngineProcessOptions } from '../../../src/engine/engine-process.ts';
import { fakeEngine, fakeVoice, request } from './fake-engine.ts';

type Options = Partial<EngineProcessOptions> & { directory?: string };

async function withEngine(options: Options, use: (engine: EngineProcess) => Promise<void>): Promise<void> {
  const engine = fakeEngine(options);
  try {
    await use(engine);
  } finally {
    await engine.close({ graceMs: 0 });
  }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: NarratorError) => error.code,
  );

const codesOf = (engine: EngineProcess, ...texts: string[]): Promise<string[]> =>
  Promise.all(texts.map((text) => codeOf(engine.synthesise(request(text)))));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function isGoneSoon(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt += 1) await sleep(100);
  return !isAlive(pid);
}

async function isRunning(engine: EngineProcess): Promise<void> {
  while (engine.statistics.running === 0) await sleep(5);
}

describe('EngineProcess, starting', () => {
  it('rejects start with the error of the child, details and all, and leaves no process', async () => {
    await withEngine({ directory: '/no-model' }, async (engine) => {
      await assert.rejects(engine.start(), (error: NarratorError) => {
        assert.equal(error.code, 'model_not_found');
        assert.match(error.message, /no-model/);
        assert.equal(error.details.field, 'directory');
        return true;
      });
      assert.equal(engine.hostPid, undefined);
    });
  });

  it('starts by itself for the first request', async () => {
    await withEngine({}, async (engine) => assert.deepEqual(await codesOf(engine, 'a'), ['ok']));
  });

  it('rejects those who wait with the start error once starting failed three times', async () => {
    const failures: unknown[] = [];
    const log = (event: string, fields: object): void => {
      if (event === 'engine_start_failed') failures.push(fields);
    };
    await withEngine({ directory: '/crashes-at-start', log }, async (engine) => {
      assert.deepEqual(await codesOf(engine, 'a', 'b'), ['engine_crashed', 'engine_crashed']);
      assert.equal(failures.length, 3);
    });
  });

  it('gives up on a child that never finishes loading', async () => {
    await withEngine({ directory: '/hangs-at-start', startTimeoutMs: 300 }, async (engine) => {
      assert.equal(await codeOf(engine.start()), 'engine_timeout');
      assert.equal(engine.hostPid, undefined);
    });
  });

  it('can be closed while it starts', async () => {
    const engine = fakeEngine({ directory: '/hangs-at-start' });
    const starting = codeOf(engine.start());
    const waiting = codesOf(engine, 'a');
    await engine.close({ graceMs: 60_000 });
    assert.equal(await starting, 'engine_stopped');
    assert.deepEqual(await waiting, ['engine_stopped']);
  });
});

describe('EngineProcess, when its child dies', () => {
  it('rejects what ran as retryable, and gives what waited to the next child', async () => {
    await withEngine({ policy: { maxItems: 1 } }, async (engine) => {
      await engine.start();
      const first = engine.hostPid;
      const running = engine.synthesise(request('crash'));
      const waiting = engine.synthesise(request('pid'));
      await assert.rejects(running, { code: 'engine_crashed', retryable: true, message: /SIGKILL/ });
      const { samples } = await waiting;
      assert.equal(samples[0], engine.hostPid);
      assert.notEqual(samples[0], first);
      assert.equal(engine.statistics.restarts, 1);
    });
  });

  it('kills a child that hangs, and goes on with another', async () => {
    await withEngine({ hangTimeoutMs: 1000 }, async (engine) => {
      assert.deepEqual(await codesOf(engine, 'a'), ['ok']); // the speed is known now
      const first = engine.hostPid;
      assert.ok(first !== undefined);
      assert.deepEqual(await codesOf(engine, 'hang'), ['engine_timeout']);
      assert.equal(isAlive(first), false);
      assert.deepEqual(await codesOf(engine, 'a'), ['ok']);
    });
  });

  it('starts another one when the child dies with nothing to do', async () => {
    await withEngine({}, async (engine) => {
      await engine.start();
      const first = engine.hostPid;
      assert.ok(first !== undefined);
      process.kill(first, 'SIGKILL');
      while (engine.hostPid === first) await sleep(5);
      assert.deepEqual(await codesOf(engine, 'a'), ['ok']);
      assert.notEqual(engine.hostPid, first);
    });
  });

  it('finds the segment that kills it three times, and lets the innocent succeed', async () => {
    await withEngine({}, async (engine) => {
      const texts = ['a', 'b', 'crash', 'c', 'd'];
      const crashed = texts.map(() => 'engine_crashed');
      await engine.start();
      assert.deepEqual(await codesOf(engine, ...texts), crashed);
      assert.deepEqual(await codesOf(engine, ...texts), crashed);
      const third = texts.map((text) => engine.synthesise(request(text)));
      await assert.rejects(third[2] ?? Promise.resolve(), {
        code: 'segment_crashes_engine',
        retryable: false,
        message: /segment 'crash'/,
      });
      assert.equal((await Promise.allSettled(third)).filter(({ status }) => status === 'fulfilled').length, 4);
    });
  });

  it('reports what was thrown outside of any batch', async () => {
    await withEngine({}, async (engine) => {
      await assert.rejects(engine.synthesise(request('throw')), {
        code: 'engine_crashed',
        message: /thrown outside of any batch/,
      });
    });
  });

  it('refuses a model that was exchanged on disk between two children', async () => {
    await withEngine({ directory: '/changing-model' }, async (engine) => {
      await engine.start();
      assert.deepEqual(await codesOf(engine, 'crash'), ['engine_crashed']);
      assert.deepEqual(await codesOf(engine, 'a'), ['model_invalid']);
    });
  });
});

describe('EngineProcess, batches', () => {
  it('halves a batch that runs out of memory', async () => {
    await withEngine({}, async (engine) => {
      const requests = ['a', 'b', 'c', 'd'].map((key) => engine.synthesise(request(key, { text: 'memory 1' })));
      assert.deepEqual(await Promise.all(requests.map(codeOf)), ['ok', 'ok', 'ok', 'ok']);
      assert.equal(engine.statistics.outOfMemory, 3);
      assert.deepEqual(await codesOf(engine, 'memory 0'), ['out_of_memory']);
    });
  });

  it('refuses an answer with fewer outcomes than segments, and goes on', async () => {
    await withEngine({}, async (engine) => {
      await assert.rejects(engine.synthesise(request('forget')), { code: 'internal', message: /0 outcomes for 1/ });
      assert.deepEqual(await codesOf(engine, 'a'), ['ok']);
    });
  });

  it('gives each segment memory of its own: keeping one does not keep its batch', async () => {
    await withEngine({}, async (engine) => {
      const speeches = await Promise.all(['a', 'b', 'c'].map((text) => engine.synthesise(request(text))));
      assert.equal(engine.statistics.batches, 1);
      for (const { samples } of speeches) assert.equal(samples.buffer.byteLength, samples.byteLength);
    });
  });

  it('sends a voice once to each child', async () => {
    const loads: string[] = [];
    const loadVoice = (version: string): ReturnType<typeof fakeVoice> => {
      loads.push(version);
      return fakeVoice(version);
    };
    await withEngine({ loadVoice }, async (engine) => {
      await codesOf(engine, 'a', 'b');
      await codesOf(engine, 'c');
      assert.deepEqual(loads, ['voice-1']);
      await codesOf(engine, 'crash');
      await codesOf(engine, 'd');
      assert.deepEqual(loads, ['voice-1', 'voice-1']);
    });
  });

  it('fails only the segments whose voice cannot be loaded, or is refused by the model', async () => {
    const loadVoice = async (version: string): ReturnType<typeof fakeVoice> => {
      if (version === 'gone') throw new NarratorError('voice_not_found', 'That version is gone.');
      const voice = await fakeVoice(version);
      return version === 'empty' ? { ...voice, samples: new Float32Array() } : voice;
    };
    await withEngine({ loadVoice }, async (engine) => {
      const requests = ['voice-1', 'gone', 'empty', 'voice-2'].map((voiceVersion) =>
        engine.synthesise(request(voiceVersion, { voiceVersion })),
      );
      assert.deepEqual(await Promise.all(requests.map(codeOf)), ['ok', 'voice_not_found', 'voice_invalid', 'ok']);
      assert.equal(engine.statistics.batches, 1);
    });
  });
});

describe('EngineProcess, closing', () => {
  it('lets the running batch finish within its grace, and rejects what waits', async () => {
    const engine = fakeEngine();
    await engine.start();
    const running = codesOf(engine, 'sleep 200');
    await isRunning(engine);
    const waiting = codesOf(engine, 'a');
    await engine.close();
    assert.deepEqual([await running, await waiting], [['ok'], ['engine_stopped']]);
    assert.equal(engine.hostPid, undefined);
  });

  it('kills a batch that outlasts its grace', async () => {
    const engine = fakeEngine();
    await engine.start();
    const running = codesOf(engine, 'hang');
    await isRunning(engine);
    const pid = engine.hostPid;
    assert.ok(pid !== undefined);
    await engine.close({ graceMs: 100 });
    assert.deepEqual(await running, ['engine_stopped']);
    assert.equal(isAlive(pid), false);
  });
});

describe('The child of EngineProcess', () => {
  it('ignores the signals of the terminal: its parent decides', async () => {
    await withEngine({}, async (engine) => {
      await engine.start();
      const pid = engine.hostPid;
      assert.ok(pid !== undefined);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
      assert.deepEqual(await codesOf(engine, 'a'), ['ok']);
      assert.equal(engine.hostPid, pid);
    });
  });

  for (const [what, text] of [
    ['between two events', 'sleep 60000'],
    ['blocked in the model', 'hang'],
  ] as const) {
    it(`does not outlive a parent that is killed, ${what}`, async () => {
      const parent = fork(fileURLToPath(new URL('./orphan-parent.ts', import.meta.url)), [text]);
      const [childPid] = (await once(parent, 'message')) as [number];
      assert.equal(isAlive(childPid), true);
      parent.kill('SIGKILL');
      const isGone = await isGoneSoon(childPid);
      if (!isGone) process.kill(childPid, 'SIGKILL');
      assert.ok(isGone);
    });
  }
});
