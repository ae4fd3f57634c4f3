import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NarratorError } from '../../../src/core/errors.ts';
import { joinBlocks } from '../../../src/text/html-blocks.ts';
import type { PartsRead } from '../../../src/text/html-elements.ts';
import { htmlToMarkdown } from '../../../src/text/html-to-markdown.ts';
import { document } from '../../support/make-epub.ts';

const markdown = (body: string, read?: PartsRead) => joinBlocks(htmlToMarkdown(document(body), 'a.xhtml', read).blocks);
const cases = (table: readonly (readonly [string, string])[], read?: PartsRead) => {
  for (const [html, expected] of table) assert.equal(markdown(html, read), expected, html);
};

test('blocks are blocks of Markdown', () => {
  cases([
    [
      '<h1>One</h1><h3> Two\n words </h3><p>Text <em>with</em>  <b>marks</b>.</p>',
      '# One\n\n### Two words\n\nText with marks.',
    ],
    ['<h2>Chapter I<br/>The Start</h2><p>a<br/>b<br/><br/>c</p>', '## Chapter I\n\n## The Start\n\na\nb\n\nc'],
    [
      '<ul><li>a</li><li><p>b</p><p>c</p></li></ul><ol start="3"><li>d</li><li>e</li></ol>',
      '- a\n- b\n\nc\n\n3. d\n4. e',
    ],
    [
      '<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td><p>2</p><p>3</p></td></tr></table>',
      '| A | B |\n| 1 | 2 3 |',
    ],
    ['<p>a</p><hr/><p>b</p><p>* * *</p><p>c</p><p>⁂</p>', 'a\n\n***\n\nb\n\n***\n\nc\n\n***'],
    ['<blockquote><p>q</p></blockquote><dl><dt>t</dt><dd>d</dd></dl>', 'q\n\nt\n\nd'],
    ['<pre class="poem">one\n  two\n\nthree</pre>', 'one\ntwo\n\nthree'],
    ['<pre><code>x = *a*;\n```\n</code></pre>', '````\nx = *a*;\n```\n````'],
    [
      '<p>say <q>yes</q></p><h2></h2><p>no heading</p><ul><li></li></ul><p>no item</p>',
      'say “yes”\n\nno heading\n\nno item',
    ],
  ]);
});

test('a table for the looks is no table', () => {
  cases([
    ['<table><tr><td><h2>Title</h2><p>a</p><table><tr><td>b</td></tr></table></td></tr></table>', '## Title\n\na\n\nb'],
    ['<table><td>no row</td></table>', 'no row'],
  ]);
});

test('what is seen and not said is left out', () => {
  cases([
    [
      '<p><img src="a" alt="A cat"/>sat<svg><title>x</title><text>y</text></svg></p><script>if (a<b) "</p>"</script>',
      'sat',
    ],
    ['<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字<rt>ji</rt></ruby>', '漢字'],
    ['<p>one<span epub:type="pagebreak" title="4">4</span> page<span hidden="hidden">x</span></p>', 'one page'],
    ['<p>syl\u00adla\u00adble &amp; caf&eacute;&nbsp;x <![CDATA[<y>]]></p>', 'syllable & café\u00a0x \\<y\\>'],
    ['<p><math alttext="x squared"><mi>x</mi></math></p>', 'x squared'],
  ]);
});

test('marks of notes are left out, raised characters that are read stay', () => {
  cases([
    [
      '<p>a word<a epub:type="noteref" href="#n">1</a> and<sup><a href="#n">2</a></sup> and<a href="n.xhtml#n"><sup>*</sup></a>.</p>',
      'a word and and.',
    ],
    [
      '<p>Gutenberg<a href="#f1">[1]</a> and<a href="#f2">†</a> go<a role="doc-backlink" href="#b">back</a> <a href="#b">↩</a></p>',
      'Gutenberg and go',
    ],
    [
      '<p>the 10<sup>th</sup> of 5 m<sup>2</sup>, 10<sup>9</sup> and H<sub>2</sub>O</p>',
      'the 10th of 5 m², 10⁹ and H2O',
    ],
    ['<p>a sentence.<sup>12</sup> Another<sup>3</sup> one</p>', 'a sentence. Another one'],
    ['<p>See <a href="#c2">chapter 2</a> on <a href="#p12">12</a>.</p>', 'See chapter 2 on 12.'],
  ]);
});

test('notes and front matter are read when that is asked for', () => {
  const body =
    '<section epub:type="titlepage"><p>Title</p></section><p>Text</p><aside epub:type="footnote"><p>Note</p></aside><div class="footnotes"><p>More</p></div>';
  cases([[body, 'Text']]);
  cases([[body, 'Text\n\nNote\n\nMore']], { notes: true });
  cases([[body, 'Title\n\nText']], { frontMatter: true });
  assert.deepEqual(htmlToMarkdown(document(body), 'a').leftOut, ['front matter', 'notes']);
});

test('no character of a text is a mark of Markdown', () => {
  cases([
    [
      '<p># a *b* _c_ `d` [pause] &lt;e&gt; f|g ~~h~~ \\i</p>',
      '\\# a \\*b\\* \\_c\\_ \\`d\\` \\[pause\\] \\<e\\> f\\|g \\~\\~h\\~\\~ \\\\i',
    ],
    [
      '<p>1984. It was</p><p>- dialogue</p><p>+ plus</p><p>=====x</p><p>3.14 is pi</p>',
      '1984\\. It was\n\n\\- dialogue\n\n\\+ plus\n\n\\=====x\n\n3.14 is pi',
    ],
  ]);
});

test('elements that XHTML closes by themselves do not swallow what follows', () => {
  assert.equal(markdown('<p>a<a id="x"/> b</p><script src="x.js"/><p/>c<p>d'), 'a b\n\nc\n\nd');
});

test('anchors name the block that begins there', () => {
  const { anchors, title } = htmlToMarkdown(
    document(
      '<html><head><title>A &amp; B</title></head><body id="b"><h1 id="h">x</h1><p>y</p><p><a name="z"/>text<i id="i">q</i></p><p id="end"></p></body></html>',
    ),
    'a',
  );
  assert.deepEqual(
    [...anchors],
    [
      ['b', 0],
      ['h', 0],
      ['z', 2],
      ['i', 2],
      ['end', 3],
    ],
  );
  assert.equal(title, 'A & B');
});

test('endless depth is an error that names its line', () => {
  assert.throws(
    () => markdown('<div>\n'.repeat(3000)),
    (error) =>
      error instanceof NarratorError && /^Line 2\d{3} of a\.xhtml is more than 2000 elements deep/.test(error.message),
  );
});
