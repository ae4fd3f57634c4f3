import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentenceEnds } from '../../../src/text/split-sentences.ts';

function sentences(text: string): string[] {
  let start = 0;
  return sentenceEnds(text).map((end) => text.slice(start, (start = end)));
}

test('sentences end behind their marks, closing quotes and space', () => {
  for (const parts of [
    ['One. ', 'Two! ', 'Three?'],
    ['"Go." ', 'Then he went.'],
    ['He smiled. ', '"Come in."'],
    ['"Stop!" he cried. ', 'Nobody did.'],
    ['Yes... maybe so.'],
    ['What?! ', 'Really.'],
    ['你好！', '今天天气不错。', '走吧'],
    ['他说：“你好！”', '我笑了。'],
    ['यह एक वाक्य है। ', 'यह दूसरा है।'],
    ['no mark at all'],
    ['v1.2 and a.b stay whole'],
  ]) {
    assert.deepEqual(sentences(parts.join('')), parts);
  }
  assert.deepEqual(sentences(''), []);
});
