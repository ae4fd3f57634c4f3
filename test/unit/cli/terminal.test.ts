import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createTerminal,
  formatBar,
  formatBytes,
  formatDuration,
  formatError,
  formatTable,
} from '../../../src/cli/terminal.ts';
import { NarratorError } from '../../../src/core/errors.ts';

function stream(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 20, write: (text: string) => written.push(text) };
}

test('progress is drawn on a terminal only, cut to its width, and removed before other lines', () => {
  const [output, messages] = [stream(false), stream(true)];
  const terminal = createTerminal(output, messages);
  terminal.progress('x'.repeat(50));
  terminal.print('result');
  assert.equal(messages.written[0], `\r\u001b[K${'x'.repeat(19)}`);
  assert.equal(messages.written[1], '\r\u001b[K');
  assert.deepEqual(output.written, ['result\n']);

  const quiet = stream(false);
  createTerminal(stream(false), quiet).progress('50 %');
  assert.deepEqual(quiet.written, []);
});

test('durations and sizes read as people write them', () => {
  assert.deepEqual([0, 59.6, 83.4, 4000].map(formatDuration), ['0:00', '1:00', '1:23', '1:06:40']);
  assert.deepEqual([0, 999, 1337, 18_595_496, 1.35e9].map(formatBytes), ['0 B', '999 B', '1.3 kB', '19 MB', '1.4 GB']);
});

test('a bar never overflows', () => {
  assert.equal(formatBar(0.5, 4), '[██··]');
  assert.equal(formatBar(7, 4), '[████]');
  assert.equal(formatBar(-1, 4), '[····]');
});

test('tables align without trailing spaces', () => {
  assert.deepEqual(
    formatTable([
      ['id', 'language'],
      ['slt', 'en'],
    ]),
    ['id   language', 'slt  en'],
  );
});

test('an error says where, what and what to do', () => {
  const error = new NarratorError('item_invalid', 'Line 7: speed is 9; the limit is 2', {
    line: 7,
    item: 'a',
    field: 'speed',
  });
  assert.match(formatError(error), /^\[item a, speed\] Line 7: speed is 9; the limit is 2\n {2}Correct the field/);
});
