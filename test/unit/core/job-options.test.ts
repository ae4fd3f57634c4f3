import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NarratorError } from '../../../src/core/errors.ts';
import { parseJobOptions, resultsDestination } from '../../../src/core/job-options.ts';

const parse = (value: unknown) => parseJobOptions(value, 'a.options.json');
const refusal = (value: unknown): NarratorError => {
  try {
    parse(value);
  } catch (error) {
    return error as NarratorError;
  }
  return assert.fail('it was accepted');
};

describe('options of a job', () => {
  it('may all be left out', () => {
    assert.deepEqual(parse({}), {});
    assert.equal(resultsDestination(parse({})), undefined);
  });

  it('are normalised as the items of a manifest are', () => {
    const { defaults } = parse({ defaults: { voice: 'anna', seed: 7, language: 'EN-gb' } });
    assert.deepEqual(defaults, { voice: 'anna', seed: '7', language: 'en-GB' });
  });

  it('name the place of results with or without a slash at its end', () => {
    for (const prefix of ['books/emma', 'books/emma/']) {
      const options = parse({ results: { bucket: 'audio', prefix } });
      assert.deepEqual(resultsDestination(options), { kind: 's3', bucket: 'audio', prefix: 'books/emma/' });
    }
    assert.deepEqual(resultsDestination(parse({ results: { bucket: 'audio' } })), {
      ...{ kind: 's3', bucket: 'audio', prefix: '' },
    });
  });

  it('refuse a place that is none', () => {
    for (const results of [
      { bucket: 'audio', prefix: '../other/' },
      { bucket: 'audio', prefix: '/absolute' },
      { bucket: 'audio', prefix: 'a//b' },
      { bucket: 'audio', prefix: 'x'.repeat(401) },
      { bucket: 'audio/books' },
      { prefix: 'books' },
    ]) {
      const { code, details } = refusal({ results });
      assert.equal(code, 'request_invalid');
      assert.match(details.field ?? '', /^results\.(bucket|prefix)$/);
    }
  });

  it('name the field that is wrong and its rule', () => {
    const wrong: [unknown, string, RegExp][] = [
      [{ parameters: { steps: 0 } }, 'parameters.steps', /from 1 to 256/],
      [{ parameters: { cfg: 21 } }, 'parameters.cfg', /from 0 to 20/],
      [{ priority: 11 }, 'priority', /from -10 to 10/],
      [{ shardSeconds: 9 }, 'shardSeconds', /from 10 to 600/],
      [{ format: 'mp3' }, 'format', /int16/],
      [{ defaults: { speed: 3 } }, 'defaults.speed', /0\.5 to 2/],
      [{ metadata: { a: 1 } }, 'metadata.a', /strings/],
      [{ notify: [{ kind: 'fax' }] }, 'notify.0.kind', /./],
    ];
    for (const [options, field, rule] of wrong) {
      const { message, details } = refusal(options);
      assert.equal(details.field, field);
      assert.match(message, rule);
      assert.ok(message.startsWith(`a.options.json: ${field} `));
    }
  });

  it('refuse what they do not know, and guess what was meant', () => {
    assert.match(refusal({ prioritty: 1 }).message, /prioritty is no option; did you mean "priority"\?/);
    assert.equal(refusal({ parameters: { stepz: 1 } }).details.field, 'parameters.stepz');
    for (const value of [null, [], 'text', 3]) assert.match(refusal(value).message, /must be an object/);
  });
});
