/** Flags of the commands that take books, and what they say of what is not read. */
import type { Command } from 'commander';
import type { BookOptions, LeftOut } from '../runtime/open-book.ts';

export interface BookFlags {
  frontMatter?: boolean;
  notes?: boolean;
  nonLinear?: boolean;
}

export function addBookFlags(command: Command): Command {
  return command
    .option('--front-matter', 'of a book: read cover, title page, contents, copyright and index too')
    .option('--notes', 'of a book: read footnotes and endnotes too')
    .option('--non-linear', 'of an EPUB: read what is not in its main order too');
}

export function bookOptions({ frontMatter, notes, nonLinear }: BookFlags): BookOptions {
  return {
    ...(frontMatter !== undefined && { frontMatter }),
    ...(notes !== undefined && { notes }),
    ...(nonLinear !== undefined && { nonLinear }),
  };
}

/** Parts that are named for each reason; a book may have hundreds. */
const PARTS_SHOWN = 8;
const FLAGS: Readonly<Partial<Record<LeftOut['why'], string>>> = {
  'front matter': '--front-matter',
  notes: '--notes',
  'not in the reading order': '--non-linear',
};

/** 'left out as notes (--notes reads them): a.xhtml, b.xhtml and 3 more' */
export function* leftOutLines(leftOut: readonly LeftOut[]): Generator<string> {
  const reasons = new Map<LeftOut['why'], string[]>();
  for (const { part, why } of leftOut) {
    const parts = reasons.get(why);
    if (parts === undefined) reasons.set(why, [part]);
    else parts.push(part);
  }
  for (const [why, parts] of reasons) {
    const flag = FLAGS[why];
    const shown = parts.slice(0, PARTS_SHOWN).join(', ');
    const more = parts.length > PARTS_SHOWN ? ` and ${parts.length - PARTS_SHOWN} more` : '';
    yield `left out as ${why}${flag === undefined ? '' : ` (${flag} reads them)`}: ${shown}${more}`;
  }
}
