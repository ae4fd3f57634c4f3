import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { finishedEvent, itemFailedEvent, jobEventSchema, progressEvent } from '../../../src/core/events.ts';
import type { JobSummary } from '../../../src/core/record.ts';
import { EVENT_TYPES, subscriptionSchema } from '../../../src/core/subscription.ts';
import { clock, submitted } from './fakes.ts';
import { MemoryStore } from './memory-store.ts';

const totals = { items: 1, succeeded: 1, failed: 0, segments: 1, reusedSegments: 0, retakenSegments: 0 };
const times = { createdAt: '', finishedAt: '' };
const summary = { v: 1, jobId: 'job', outcome: 'failed', ...times, ...totals, audioSeconds: 1, errors: {} } as const;

describe('an event', () => {
  it('has the id of its fact: the same at every telling, another one for every other fact', async () => {
    const head = await submitted(new MemoryStore(), '');
    const now = clock();
    const failed = (line: number) =>
      ({ status: 'failed', line, error: { code: 'internal', message: '', hint: '', retryable: false } }) as const;
    const facts = [
      () => progressEvent({ head, round: 1 }, 25, { total: 4, recorded: 1 }, now),
      () => progressEvent({ head, round: 1 }, 50, { total: 4, recorded: 2 }, now),
      () => progressEvent({ head, round: 2 }, 25, { total: 4, recorded: 1 }, now),
      () => itemFailedEvent({ head, round: 1 }, failed(1), false, now),
      () => itemFailedEvent({ head, round: 1 }, failed(2), false, now),
      () => finishedEvent({ head, round: 1 }, summary, now),
      () => finishedEvent({ head, round: 1 }, { ...summary, outcome: 'completed' } satisfies JobSummary, now),
      () => finishedEvent({ head: { ...head, id: 'other' }, round: 1 }, summary, now),
      () => finishedEvent({ head: { ...head, createdAt: 'later' }, round: 1 }, summary, now),
    ];
    const ids = facts.map((fact) => fact().id);
    assert.deepEqual(
      facts.map((fact) => fact().id),
      ids,
    );
    assert.equal(new Set(ids).size, facts.length);
    for (const fact of facts) jobEventSchema.parse(fact());
  });
});

describe('docs/notifications.md', () => {
  const page = readFileSync(new URL('../../../docs/notifications.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json) as object);

  it('names every event, and shows events and subscriptions as they are', () => {
    for (const type of EVENT_TYPES) assert.ok(page.includes(`\`${type}\``), type);
    const [job, ...events] = examples as [{ notify: unknown[] }, ...object[]];
    assert.equal(events.length, 2);
    for (const event of events) jobEventSchema.parse(event);
    assert.deepEqual(
      job.notify.map((one) => subscriptionSchema.parse(one).kind),
      ['webhook', 'sqs', 'sns'],
    );
  });
});
