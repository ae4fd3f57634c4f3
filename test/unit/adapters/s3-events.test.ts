import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseS3Events } from '../../../src/adapters/s3-events.ts';
import { objectCreated, testEvent, throughEventBridge, throughSns } from '../../support/s3-event-messages.ts';

const KEY = 'books/Émile + „Zola“ (1)/100 %.jsonl';
const object = { key: KEY, etag: '"abc"', contentLength: 3 };
const parse = (message: unknown) => parseS3Events(JSON.stringify(message));

describe('events of S3', () => {
  it('name the object as S3 has it, whichever way they come', () => {
    const direct = objectCreated('in', object);
    for (const message of [direct, throughSns(direct), throughEventBridge('in', object)]) {
      const [event, ...others] = parse(message);
      assert.deepEqual(others, []);
      assert.equal(event?.isCreation, true);
      assert.deepEqual([event?.bucket, event?.key], ['in', KEY]);
    }
  });

  it('come several in one message', () => {
    const Records = ['a', 'b'].flatMap((key) => objectCreated('in', { ...object, key }).Records);
    assert.deepEqual(
      parse({ Records }).map(({ key }) => key),
      ['a', 'b'],
    );
  });

  it('are of a creation only where they say so', () => {
    const names = [
      'ObjectCreated:CompleteMultipartUpload',
      's3:ObjectCreated:Put',
      'ObjectRemoved:Delete',
      'ObjectRestore:Post',
    ];
    const areCreations = names.map((name) => parse(objectCreated('in', object, name))[0]?.isCreation);
    assert.deepEqual(areCreations, [true, true, false, false]);
    const deleted = { ...throughEventBridge('in', object), 'detail-type': 'Object Deleted' };
    assert.equal(parse(deleted)[0]?.isCreation, false);
  });

  it('are none in the test that S3 sends when it is set up', () => {
    assert.deepEqual(parse(testEvent('in')), []);
    assert.deepEqual(parse(throughSns(testEvent('in'))), []);
  });

  it('are not guessed from other messages', () => {
    const undecodable = objectCreated('in', object);
    if (undecodable.Records[0] !== undefined) undecodable.Records[0].s3.object.key = '100%';
    for (const body of ['', 'no JSON', '[]', 'null', '{"Records":[{}]}', '{"Type":"Notification","Message":"hello"}']) {
      assert.throws(() => parseS3Events(body), { code: 'request_invalid' }, body);
    }
    assert.throws(() => parse(undecodable), { code: 'request_invalid', message: /cannot be decoded/ });
  });
});
