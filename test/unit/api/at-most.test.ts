import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import type { Request, RequestHandler, Response } from 'express';
import { atMost, hasLargeBody } from '../../../src/api/at-most.ts';

/** As far as the limit looks at one. */
class Answer extends EventEmitter {
  destroyed = false;
  closed = false;
  leave(): void {
    this.destroyed = this.closed = true;
    this.emit('close');
  }
}

/** @returns whether it was let through */
function passes(limit: RequestHandler, answer: Answer): boolean {
  let isThrough = false;
  void limit({ headers: {} } as Request, answer as unknown as Response, () => (isThrough = true));
  return isThrough;
}

describe('a limit of requests at once', () => {
  it('takes so many, and others when those are answered', () => {
    const limit = atMost(2, 'things');
    const [first, second, third] = [new Answer(), new Answer(), new Answer()];
    assert.ok(passes(limit, first) && passes(limit, second));
    assert.throws(() => passes(limit, third), { code: 'too_many_requests', message: /2 things/ });
    first.leave();
    assert.ok(passes(limit, third));
  });

  it('gives no place to clients that have gone already: they would never give it back', () => {
    const limit = atMost(1, 'things');
    for (let i = 0; i < 3; i++) {
      const gone = new Answer();
      gone.leave();
      assert.equal(passes(limit, gone), false);
    }
    assert.ok(passes(limit, new Answer()));
  });

  it('takes a body for large that is, and one of which nobody knows', () => {
    const isLarge = (headers: Record<string, string>) => hasLargeBody({ headers } as unknown as Request);
    assert.equal(isLarge({ 'content-length': '1000' }), false);
    assert.equal(isLarge({ 'content-length': '1000', 'content-encoding': 'identity' }), false);
    assert.equal(isLarge({ 'content-length': '1000', 'content-encoding': 'gzip' }), true);
    assert.equal(isLarge({ 'content-length': '2000000' }), true);
    assert.equal(isLarge({ 'transfer-encoding': 'chunked' }), true);
  });
});
