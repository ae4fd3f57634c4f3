import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SentenceStream, type SentenceStreamOptions } from '../../../src/text/sentence-stream.ts';

function read(chunks: Iterable<string>, options?: SentenceStreamOptions): string[] {
  const stream = new SentenceStream(options);
  return [...[...chunks].flatMap((chunk) => stream.push(chunk)), ...stream.end()].map(({ text }) => text);
}

/** Given whole, and character by character: that must not make a difference. */
function sentences(text: string, options?: SentenceStreamOptions): string[] {
  const whole = read([text], options);
  assert.deepEqual(read(text.split(''), options), whole);
  return whole;
}

const LONG = 'Nobody had opened the little shop in the old street yet.';

describe('sentences', () => {
  test('are given as soon as the word behind them is there', () => {
    const stream = new SentenceStream();
    assert.deepEqual(stream.push(`${LONG} The`), []);
    assert.equal(stream.isHolding, true);
    assert.deepEqual(stream.push(' '), [{ text: LONG, pauseAfterMs: 350 }]);
    assert.deepEqual(stream.push('end.'), []);
    assert.deepEqual(stream.end(), [{ text: 'The end.', pauseAfterMs: 0 }]);
    assert.equal(stream.isHolding, false);
  });

  test('do not end behind abbreviations, initials and numbers, wherever the chunks end', () => {
    for (const parts of [
      ['The train of Dr. Müller and Prof. Schmidt leaves at 8.30 from platform No. 5 in Berlin.', LONG],
      ['She met J. R. R. Tolkien, e.g. in Oxford, and the U.S. Army paid $3.5 million to them.', LONG],
      ['It was 5 p.m. in St. Paul when Mr. and Mrs. Smith Jr. came, i.e. rather late for tea.', LONG],
      ['He read version 2.1.3 of the file a.b.txt, cf. Fig. 3, approx. seven or eight times.', LONG],
    ]) {
      assert.deepEqual(sentences(parts.join(' ')), parts);
    }
  });

  test('that are short are joined, up to 200 bytes and not over paragraphs', () => {
    assert.deepEqual(sentences(`Yes. No. Well. ${LONG} Oh.\n\nStop! Go.`), [
      `Yes. No. Well. ${LONG}`,
      'Oh.',
      'Stop! Go.',
    ]);
  });

  test('of Chinese need no space behind them', () => {
    const first = '今天早上天气非常好，我们一家人一起去公园里散步。';
    const second = '他说：“你看，那边的花全都开了，真是漂亮极了！”';
    const stream = new SentenceStream();
    assert.deepEqual(stream.push(first), []);
    assert.deepEqual(stream.push('他'), [{ text: first, pauseAfterMs: 350 }]);
    assert.deepEqual(sentences(first + second + first), [first, second, first]);
    assert.deepEqual(sentences(`${first}\n${second}`), [first, second]);
  });

  test('end with their paragraph; wrapped lines do not end one', () => {
    const stream = new SentenceStream();
    assert.deepEqual(stream.push(`A heading\n\n${LONG} `), [{ text: 'A heading', pauseAfterMs: 700 }]);
    assert.deepEqual(sentences('First\r\nSecond\rThird\n'), ['First', 'Second', 'Third']);
    assert.deepEqual(
      sentences('It was a dark night and the rain fell in torrents, except\nat occasional intervals, as one knows.'),
      ['It was a dark night and the rain fell in torrents, except at occasional intervals, as one knows.'],
    );
  });

  test('have all of the text, and nothing else', () => {
    const text = `“Well…” she said — and 3.5 % of  it. 😀 ${LONG}\n * * *\n(And?!) 好的。 Ünï¢ødé 👩‍👩‍👧 e\u0301nd`;
    const said = sentences(text).join(' ');
    assert.equal(said.replaceAll(/\s/g, ''), text.replaceAll(/[\s*]/g, ''));
  });

  test('are nothing where there is nothing to say', () => {
    assert.deepEqual(sentences(' \n\n--- ?! 😀 \n'), []);
    assert.deepEqual(sentences(''), []);
  });
});

describe('a sentence without an end', () => {
  const words = `${'on and '.repeat(9)}so, ${'on and '.repeat(40)}`.trim();

  test('is cut at its longest, behind a clause or else a word', () => {
    const cut = sentences(words, { maxCharacters: 100 });
    assert.equal(cut[0], `${'on and '.repeat(9)}so,`);
    assert.ok(cut.every((part) => part.length <= 100 && /(?:and|on|so,)$/.test(part)));
    assert.equal(cut.join(' '), words);
  });

  test('without spaces is cut between characters', () => {
    const run = '𠀀'.repeat(75);
    assert.deepEqual(sentences(run, { maxCharacters: 101 }), ['𠀀'.repeat(50), '𠀀'.repeat(25)]);
  });

  test('is given up to its last clause or word when it has waited long enough', () => {
    const stream = new SentenceStream();
    stream.push('How can I help you?');
    assert.deepEqual(stream.giveUp(), [{ text: 'How can I help you?', pauseAfterMs: 350 }]);
    stream.push(' First, we look at the li');
    assert.deepEqual(stream.giveUp(), [{ text: 'First,', pauseAfterMs: 80 }]);
    assert.deepEqual(stream.giveUp(), [{ text: 'we look at the', pauseAfterMs: 0 }]);
    assert.deepEqual(stream.giveUp(), []);
    stream.push('st.');
    assert.deepEqual(stream.end(), [{ text: 'list.', pauseAfterMs: 0 }]);
  });

  test('cannot be asked to be very short', () => {
    assert.throws(() => new SentenceStream({ maxCharacters: 39 }), /must be at least 40/);
    assert.throws(() => new SentenceStream({ maxCharacters: Number.NaN }), RangeError);
  });
});

describe('Markdown', () => {
  const markdown = (text: string) => sentences(text, { markup: 'markdown' });

  test('leaves no marks, and its blocks are paragraphs', () => {
    assert.deepEqual(
      markdown(
        [
          '## The *first* part',
          '',
          `**Note.** ${LONG} See [the _old_ shop](https://a.example/b_c) or \`run.sh\`.`,
          'This goes on in the __same__ paragraph.',
          '- a first item, and a **bold',
          '  word** in it',
          '- a second',
          '1. one',
          '> quoted',
          '',
          '| City | Speed |',
          '|------|-------|',
          '| Rome | fast |',
          '---',
          'snake_case stays, 2 < 7 too!',
          'A title',
          '=======',
          'The end.',
        ].join('\n'),
      ),
      [
        'The first part',
        `Note. ${LONG}`,
        'See the old shop or run.sh. This goes on in the same paragraph.',
        'a first item, and a bold word in it',
        'a second',
        '1. one quoted',
        'City | Speed',
        'Rome | fast',
        'snake_case stays, 2 < 7 too! A title',
        'The end.',
      ],
    );
  });

  test('of code blocks and comments says nothing, however long they are', () => {
    const code = 'rm -rf /. It is. A line!\n'.repeat(60);
    assert.deepEqual(markdown(`Before:\n\`\`\`sh\n${code}\`\`\`\n<!-- not\nthis. -->\nAfter.\n~~~\n${code}`), [
      'Before:',
      'After.',
    ]);
  });

  test('is given while its line is being written, marks and all', () => {
    const stream = new SentenceStream({ markup: 'markdown' });
    assert.deepEqual(stream.push(`- **${LONG}** And`), []);
    assert.deepEqual(stream.push(' [so'), [{ text: LONG, pauseAfterMs: 350 }]);
    assert.deepEqual(stream.push('. What](http://a.example) then'), []);
    assert.deepEqual(stream.end(), [{ text: 'And so. What then', pauseAfterMs: 0 }]);
  });

  test('is read to the end with marks that never close, in linear time', () => {
    const open = '[a **b `c <d '.repeat(4_000);
    const said = read([open], { markup: 'markdown' }).join(' ');
    assert.equal(said.match(/a/g)?.length, 4_000);
  });

  test('may speak of pauses, and begin with a rule', () => {
    assert.deepEqual(markdown(`---\n[pause for effect] ${LONG}\n\n---\n[pause 900s]Then.`), [LONG, 'Then.']);
  });
});
