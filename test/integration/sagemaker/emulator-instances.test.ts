/** Instances come from zero, have so much at once, are taken away in the middle of their work, and are replaced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emulatedEndpoint, fakeProcess, until } from './emulated-endpoint.ts';
import type { Heard } from './fake-container.ts';

test('a container has no more than it is allowed at once', async (t) => {
  const { invoke, notifications, container } = await emulatedEndpoint(t, { maxConcurrent: 2 });
  for (let count = 0; count < 6; count += 1) await invoke({ afterMs: 50 });
  await notifications(6);
  assert.equal(container.mostAtOnce, 2);
});

test('the first request starts an instance, which is scaled in after a while without work, and again', async (t) => {
  const { invoke, notifications, emulator } = await emulatedEndpoint(t, {
    ...{ command: fakeProcess(), coldStartMs: 200, idleMs: 200 },
  });
  assert.deepEqual(emulator.instances(), []);
  for (const round of [1, 2]) {
    await invoke({});
    assert.deepEqual(
      emulator.instances().map(({ state }) => state),
      ['starting'],
    );
    const { ApproximateBacklogSize, HasBacklogWithoutCapacity, ...others } = emulator.metrics();
    assert.deepEqual([ApproximateBacklogSize, HasBacklogWithoutCapacity], [1, 1]);
    assert.equal('ApproximateBacklogSizePerInstance' in others, false);
    assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
    assert.equal(emulator.metrics()['HasBacklogWithoutCapacity'], 0);
    await until(() => emulator.instances().length === 0);
    assert.equal(emulator.faults().instancesStarted, round);
  }
});

test('a backlog starts more instances, up to the most', async (t) => {
  const { invoke, notifications, emulator } = await emulatedEndpoint(t, {
    ...{ command: fakeProcess(), instances: 2, backlogPerInstance: 2 },
  });
  await invoke({ afterMs: 1_000 });
  assert.equal(emulator.instances().length, 1);
  for (let count = 0; count < 5; count += 1) await invoke({ afterMs: 1_000 });
  assert.equal(emulator.instances().length, 2);
  await until(() => emulator.metrics()['ApproximateBacklogSizePerInstance'] === 3);
  await notifications(6);
});

test('what a killed instance had in hand fails, or another instance does it', async (t) => {
  for (const onKill of ['fail', 'requeue'] as const) {
    const { invoke, notifications, emulator, object } = await emulatedEndpoint(t, { command: fakeProcess(), onKill });
    const { output } = await invoke({ afterMs: 500 });
    await until(() => emulator.instances()[0]?.inFlight === 1);
    const { pid } = emulator.instances()[0] ?? {};
    await emulator.killInstance(0);
    assert.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' });
    const [told] = await notifications(1);
    if (onKill === 'fail') {
      assert.match(told?.failureReason ?? '', /\(0\)/);
      assert.equal(await object(output), undefined);
    } else {
      assert.equal(told?.invocationStatus, 'Completed');
      assert.notEqual((JSON.parse((await object(output)) ?? '') as Heard).pid, pid);
    }
    assert.equal(emulator.invocations()[0]?.deliveries, onKill === 'fail' ? 1 : 2);
    assert.equal(emulator.faults().requeued, onKill === 'fail' ? 0 : 1);
  }
});

test('a container that is told to end may finish what it has, within the time that it is given', async (t) => {
  const patient = await emulatedEndpoint(t, { command: fakeProcess() });
  await patient.invoke({ afterMs: 300 });
  await until(() => patient.emulator.instances()[0]?.inFlight === 1);
  await patient.emulator.killInstance(0, 'SIGTERM');
  assert.equal((await patient.notifications(1))[0]?.invocationStatus, 'Completed');

  const hasty = await emulatedEndpoint(t, { command: fakeProcess({ FAKE_STUBBORN: 'yes' }), timeScale: 0.01 });
  await hasty.invoke({ answer: 'hang' });
  await until(() => hasty.emulator.instances()[0]?.inFlight === 1);
  await hasty.emulator.killInstance(0, 'SIGTERM');
  assert.match((await hasty.notifications(1))[0]?.failureReason ?? '', /\(0\)/);
});

test('instances are killed in the middle of their work as often as that is asked for, the hard way or not', async (t) => {
  const { invoke, notifications, emulator } = await emulatedEndpoint(t, {
    ...{ command: fakeProcess(), killEveryMs: 100, killSignal: 'SIGKILL' },
  });
  await invoke({ afterMs: 5_000 });
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Failed');
  emulator.configure({ killSignal: 'SIGTERM' });
  await invoke({ afterMs: 500 });
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
  await until(() => emulator.faults().instancesTakenAway === 2);
});

test('a container that crashes fails what it had, and is replaced', async (t) => {
  const { invoke, notifications, emulator } = await emulatedEndpoint(t, { command: fakeProcess() });
  await invoke({ answer: 'crash' });
  assert.match((await notifications(1))[0]?.failureReason ?? '', /\(0\)/);
  await invoke({});
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
  const { instancesCrashed, instancesStarted, instancesTakenAway } = emulator.faults();
  assert.deepEqual(
    { instancesCrashed, instancesStarted, instancesTakenAway },
    {
      ...{ instancesCrashed: 1, instancesStarted: 2, instancesTakenAway: 0 },
    },
  );
});

test('a container that is not well any more is replaced, and gets nothing until it is', async (t) => {
  const { invoke, notifications, emulator, container } = await emulatedEndpoint(t, { timeScale: 0.005 });
  await invoke({});
  await notifications(1);
  container.ping = 503;
  await until(() => emulator.faults().instancesTakenAway === 1);
  await invoke({});
  await until(() => emulator.instances()[0]?.state === 'starting');
  assert.equal(emulator.metrics()['HasBacklogWithoutCapacity'], 1);
  container.ping = 200;
  assert.equal((await notifications(1))[0]?.invocationStatus, 'Completed');
});

test('a container that never starts is tried again, and what waits for it waits', async (t) => {
  const { invoke, emulator } = await emulatedEndpoint(t, {
    command: { argv: [process.execPath, '--eval', 'process.exit(3)'] },
  });
  await invoke({});
  await until(() => emulator.faults().instancesCrashed >= 2);
  assert.deepEqual(
    emulator.invocations().map(({ outcome }) => outcome),
    ['waiting'],
  );
});
