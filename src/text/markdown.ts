/**
 * Markdown as narrators read it: headings, paragraphs, lists and tables are pauses, emphasis and links are text, code blocks,
 * front matter and comments are not read. What is left is plain text with a way back to its source.
 */
import { TAG, type TagReader, writeSpelled } from './markup-tags.ts';
import { type MarkedText, MarkedTextWriter } from './spans.ts';

/** Silence behind what is more than a paragraph, or less, in milliseconds. */
export const MARKDOWN_PAUSE_MS = { heading: 900, listItem: 450, rule: 1100 } as const;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}(?:[ \t]+|$)/;
const CLOSING_HASHES = /[ \t]+#+[ \t]*$/;
const UNDERLINE = /^ {0,3}(?:=+|-{2,})[ \t]*$/;
const THEMATIC_BREAK = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*){0,200}\|?[ \t]*$/;
const QUOTE = /^ {0,3}(?:>[ \t]?)+/;
/** the number of a numbered item is read, a bullet is not */
const BULLET = /^[ \t]*(?:[-*+][ \t]+)(?:\[[ xX]\][ \t]+)?/;
const NUMBER = /^[ \t]*\d{1,9}[.)][ \t]+/;
const LINK_DEFINITION = /^ {0,3}\[[^\]]{1,200}\]:[ \t]*\S/;

/** Inline marks. Each alternative is bounded, so that a text full of brackets takes linear time. */
const MARKS = [
  '\\\\(?<escaped>[!-/:-@[-`{-~])',
  '(?<!`)(?<ticks>`{1,2})(?!`)(?<code>[^`\\n]{1,500})\\k<ticks>(?!`)',
  // the text of a link or an image
  '!?\\[(?<label>[^[\\]\\n]{0,500})\\](?:\\([^()\\s]{0,1000}(?:[ \\t]+"[^"\\n]{0,200}")?\\)|\\[[^[\\]\\n]{0,200}\\])',
  '\\[\\^[^\\]\\s]{1,50}\\]',
  '<(?<angle>https?:\\/\\/[^<>\\s]{1,1000}|\\/?[A-Za-z][^<>\\n]{0,300})>',
  '\\*{1,3}|~~|`{1,3}|(?<![\\p{L}\\p{N}])_{1,3}|_{1,3}(?![\\p{L}\\p{N}])',
].join('|');
const INLINE = new RegExp(MARKS, 'gu');
/** A tag goes before a link: '[voice:anna][pause]' is two tags. */
const INLINE_WITH_TAGS = new RegExp(`${TAG}|${MARKS}`, 'gu');

/**
 * @param tags without it, brackets are text
 * @throws NarratorError item_invalid, with line and column, for a tag that cannot be understood
 */
export function readMarkdown(source: string, tags?: TagReader): MarkedText {
  const writer = new MarkedTextWriter(source);
  let fence: string | undefined;
  let isComment = false;
  const lines = linesOf(source);
  let first = 0;
  if (lines[0]?.text.trimEnd() === '---') {
    const end = lines.findIndex(({ text }, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(text));
    first = end + 1;
  }
  for (let index = first; index < lines.length; index += 1) {
    const line = lines[index];
    if (line === undefined) break;
    const { text } = line;
    writer.blockStart = line.start;
    const mark = FENCE.exec(text)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) === true) fence = undefined;
      continue;
    }
    if (isComment) {
      isComment = !text.includes('-->');
      continue;
    }
    if (mark !== undefined) {
      fence = mark;
      writer.endBlock();
      continue;
    }
    if (/^\s*<!--/.test(text)) {
      isComment = !text.includes('-->');
      continue;
    }
    if (text.trim() === '') writer.endBlock();
    else if (HEADING.test(text)) {
      const start = HEADING.exec(text)?.[0].length ?? 0;
      writer.endBlock();
      inline(writer, { line, from: start, to: text.replace(CLOSING_HASHES, '').length, isLineStart: true }, tags);
      writer.endBlock(MARKDOWN_PAUSE_MS.heading);
    } else if (writer.isInBlock && UNDERLINE.test(text)) writer.endBlock(MARKDOWN_PAUSE_MS.heading);
    else if (THEMATIC_BREAK.test(text)) {
      writer.endBlock();
      writer.pause(MARKDOWN_PAUSE_MS.rule);
    } else if (TABLE_RULE.test(text) && text.includes('-')) continue;
    else if (!LINK_DEFINITION.test(text)) block(writer, line, tags);
  }
  writer.endBlock();
  tags?.finish();
  return writer.finish();
}

interface Line {
  readonly text: string;
  readonly start: number;
}

function linesOf(source: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const { 0: lineBreak, index } of source.matchAll(/\r\n|\n|\r|$/g)) {
    lines.push({ text: source.slice(start, index), start });
    start = index + lineBreak.length;
  }
  return lines;
}

/** A line of a paragraph, a list, a quotation or a table. */
function block(writer: MarkedTextWriter, line: Line, tags: TagReader | undefined): void {
  const quoted = QUOTE.exec(line.text)?.[0].length ?? 0;
  const rest = line.text.slice(quoted);
  const bullet = BULLET.exec(rest)?.[0].length;
  const isItem = bullet !== undefined || NUMBER.test(rest);
  const row = /^([ \t]*\|[ \t]*)(.*?)\|?[ \t]*$/.exec(rest);
  if (isItem || row !== null) writer.endBlock(MARKDOWN_PAUSE_MS.listItem);
  if (row !== null) {
    const from = quoted + (row[1]?.length ?? 0);
    inline(writer, { line, from, to: from + (row[2]?.length ?? 0), isLineStart: true }, tags);
    writer.endBlock(MARKDOWN_PAUSE_MS.listItem);
  } else {
    const indent = /^[ \t]*/.exec(rest.slice(bullet))?.[0].length ?? 0;
    const from = quoted + (bullet ?? 0) + indent;
    inline(writer, { line, from, to: line.text.length, isLineStart: true }, tags);
  }
  writer.space(line.start + line.text.length);
}

interface Stretch {
  readonly line: Line;
  /** offsets into the line */
  readonly from: number;
  readonly to: number;
  /** but for marks of Markdown, the line begins here */
  readonly isLineStart: boolean;
}

function inline(writer: MarkedTextWriter, { line, from, to, isLineStart }: Stretch, tags: TagReader | undefined): void {
  const { start } = line;
  const text = line.text.slice(0, to);
  const first = from + (isLineStart ? (tags?.readName(writer, start + from) ?? 0) : 0);
  let at = first;
  for (const match of text.slice(first).matchAll(tags === undefined ? INLINE : INLINE_WITH_TAGS)) {
    const { escaped, ticks = '', code, label, angle, spelled, tag, argument = '' } = match.groups ?? {};
    const index = first + match.index;
    writer.write(start + at, start + index);
    at = index + match[0].length;
    if (escaped !== undefined) writer.write(start + at - escaped.length, start + at);
    else if (code !== undefined) writer.write(start + index + ticks.length, start + at - ticks.length);
    else if (label !== undefined) {
      const inner = index + match[0].indexOf('[') + 1;
      inline(writer, { line, from: inner, to: inner + label.length, isLineStart: false }, tags);
    } else if (angle?.startsWith('http') === true) writer.write(start + index + 1, start + at - 1);
    else if (spelled !== undefined) writeSpelled(writer, start + index, spelled);
    else if (tag !== undefined) {
      tags?.read(writer, { tag, argument, offset: start + index, isLineStart: isLineStart && index === from });
    }
  }
  writer.write(start + at, start + text.length);
}
