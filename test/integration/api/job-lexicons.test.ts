import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { requireJobHead } from '../../../src/core/ledger.ts';
import { REQUEST_LEXICON_ENTRIES_MAX } from '../../../src/core/lexicon.ts';
import { readJobLexicon } from '../../../src/core/stored-lexicons.ts';
import { type JobAnswer, type JobServer, jsonOf, lines, NDJSON, problemOf, startJobServer } from './job-server.ts';

let server: JobServer;
before(async () => (server = await startJobServer()));
after(() => server.close());

const entries = [{ written: 'SQL', spoken: 'sequel', language: 'en-US' }];

test('a job brings words of its own, in a body of JSON or beside a manifest', async () => {
  const query = new URLSearchParams({ options: JSON.stringify({ lexicon: entries }) }).toString();
  const answers = [
    await server.post('/v1/jobs', { text: 'Ask SQL.', lexicon: entries }),
    await server.post(`/v1/jobs?${query}`, lines(1), { headers: NDJSON }),
  ];
  for (const answer of answers) {
    const { id } = await jsonOf<JobAnswer>(answer, 202);
    const { lexicon } = await requireJobHead(server.store, id);
    assert.ok(lexicon);
    assert.deepEqual((await readJobLexicon(server.store, id, lexicon)).entries, [{ ...entries[0], language: 'en' }]);
    assert.equal((await server.finish(id)).status, 'completed');
  }
});

test('what is wrong with them is said by entry and field', async () => {
  const many = Array.from({ length: REQUEST_LEXICON_ENTRIES_MAX + 1 }, (_, n) => ({ written: `w${n}`, spoken: 'x' }));
  for (const [lexicon, field, detail] of [
    [{ SQL: 'sequel' }, 'lexicon', /must be a list of entries/],
    [[...entries, { written: ' ', spoken: 'x' }], 'lexicon.1.written', /is empty/],
    [[{ written: 'a' }], 'lexicon.0.spoken', /must be a string/],
    [[{ written: 'a', spoken: 'b', lang: 'en' }], 'lexicon.0.lang', /is not a field/],
    [[{ written: 'a', spoken: 'b'.repeat(1001) }], 'lexicon.0.spoken', /1001 characters; the limit is 1000/],
    [many, 'lexicon', /at most 10000 entries/],
  ] as const) {
    const problem = await problemOf(await server.post('/v1/jobs', { text: 'x', lexicon }), 400);
    assert.deepEqual([problem.code, problem.field], ['request_invalid', field]);
    assert.match(problem.detail, detail);
  }
});
