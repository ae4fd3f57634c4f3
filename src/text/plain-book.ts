/**
 * A plain text as chapters: at lines that stand alone and are called what chapters are called. A text without two of them is one
 * chapter.
 */
import { type Book, type Chapter, hasWords } from './book.ts';

const NUMBER =
  '(?:\\d{1,4}|[ivxlcdm]{1,8}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty(?:[- ]\\w{3,5})?|thirty(?:[- ]\\w{3,5})?|the \\w{3,12})';
const CHINESE_NUMBER = '[0-9０-９零〇一二三四五六七八九十百千两]{1,8}';
/** 'CHAPTER IV.', 'Chapter 4: The Beginning', 'PROLOGUE', '第四章 开始', '楔子'. 'Chapter one was lost.' is a sentence. */
const CHAPTER = new RegExp(
  `^(?:(?:chapter|book|part|section|letter|act|canto) ${NUMBER}\\b(?:[.:—–-]+ ?.{0,60}| .{0,58}[^.!?…"”’])?|(?:prologue|epilogue|preface|introduction|foreword|afterword|conclusion)[.:]?|第${CHINESE_NUMBER}[章回节節卷部篇集](?:[ 　:：、].{0,40}|.{0,20})|(?:序|序言|序章|前言|楔子|引子|尾声|尾聲|后记|後記|跋))$`,
  'iu',
);
const HEADING_CHARACTERS_MAX = 80;

/** @param name what a text of one chapter is called */
export function readPlainBook(source: string, name: string): Book {
  const text = source.replace(/^\ufeff/, '');
  const starts = chapterStarts(text);
  const chapters: Chapter[] = [];
  if (starts.length < 2) return { authors: [], leftOut: [], chapters: hasWords(text) ? [chapter(name, text)] : [] };
  const before = text.slice(0, starts[0]?.start);
  if (hasWords(before)) chapters.push(chapter('Beginning', before));
  let carried = '';
  for (const [index, { title, start, end }] of starts.entries()) {
    const next = starts[index + 1]?.start;
    // 'PART ONE' directly above 'Chapter 1' is told with it.
    if (next !== undefined && !hasWords(text.slice(end, next))) {
      carried += text.slice(start, next);
      continue;
    }
    chapters.push(chapter(title, carried + text.slice(start, next)));
    carried = '';
  }
  if (carried !== '') chapters.push(chapter(starts.at(-1)?.title ?? name, carried));
  return { authors: [], leftOut: [], chapters };
}

const chapter = (title: string, text: string): Chapter => ({ title, text, markup: 'none' });

/** Lines of that form with an empty line before and behind them: in a table of contents they stand together. */
function chapterStarts(text: string): { title: string; start: number; end: number }[] {
  const starts: { title: string; start: number; end: number }[] = [];
  let isAfterBlank = true;
  let start = 0;
  while (start < text.length) {
    const lineBreak = text.indexOf('\n', start);
    const end = lineBreak === -1 ? text.length : lineBreak + 1;
    const line = text.slice(start, Math.min(end, start + HEADING_CHARACTERS_MAX + 40)).trim();
    const isShort = line.length <= HEADING_CHARACTERS_MAX && end - start <= HEADING_CHARACTERS_MAX + 40;
    if (isAfterBlank && isShort && CHAPTER.test(line) && isBlankAt(text, end)) starts.push({ title: line, start, end });
    isAfterBlank = line === '';
    start = end;
  }
  return starts;
}

function isBlankAt(text: string, start: number): boolean {
  return /^[^\S\n]*(?:\n|$)/.test(text.slice(start, start + 200));
}
