import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deleteJob } from '../../../src/core/delete-job.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { ItemFinder } from '../../../src/core/find-item.ts';
import { retryJob } from '../../../src/core/retry-job.ts';
import { jsonLines } from './fakes.ts';
import { house, lines } from './house.ts';

describe('finding an item by its id', () => {
  it('tells what became of it, wherever it is, whatever its state', async () => {
    const one = house();
    one.engine.before = async ({ text }) => {
      if (text.includes('number 17.')) throw new NarratorError('waveform_invalid', 'It is silent.');
    };
    await one.submit('job', `${lines(40)}${jsonLines({ id: 'i3', text: 'Twice.' }, { id: 'bad', tekst: '' })}`);
    const finder = new ItemFinder(one.store);
    assert.equal(await finder.find('job', 'i3'), undefined, 'not planned yet');
    await one.controller.pass();
    assert.equal((await finder.find('job', 'i39'))?.status, 'pending');
    await one.workAll();
    await one.controller.pass();
    const found = async (id: string) => {
      const item = await finder.find('job', id);
      return item && [item.line, item.status];
    };
    assert.deepEqual(await found('i39'), [40, 'done']);
    assert.deepEqual(await found('i3'), [4, 'done'], 'not the line that repeats its id');
    assert.deepEqual(await found('i17'), [18, 'failed']);
    assert.deepEqual(await found('bad'), [42, 'failed']);
    for (const id of ['nobody', '__proto__', '']) assert.equal(await found(id), undefined);
    assert.equal(await finder.find('none', 'i1'), undefined);

    one.engine.before = async () => undefined;
    await retryJob('job', { only: ['i17'] }, one.common);
    await one.controller.pass();
    await one.workAll();
    await one.controller.pass();
    assert.deepEqual(await found('i17'), [18, 'done']);
  });

  it('reads a plan once, and notices when another job has the id', async () => {
    const one = house();
    await one.submit('job', lines(40));
    await one.controller.pass();
    const finder = new ItemFinder(one.store);
    await finder.find('job', 'i39');
    let plans = 0;
    const get = one.store.get.bind(one.store);
    one.store.get = async (key) => {
      if (key.includes('/plan/')) plans += 1;
      return get(key);
    };
    await finder.find('job', 'i1');
    await finder.find('job', 'i38');
    assert.equal(plans, 2, 'one shard each');
    await one.workAll();
    await one.controller.pass();
    await deleteJob('job', one.common);
    await one.submit('job', lines(2, 'k'));
    await one.controller.pass();
    assert.equal(await finder.find('job', 'i1'), undefined);
    assert.equal((await finder.find('job', 'k1'))?.line, 2);
  });
});
