/** What the elements of a chapter are for whoever reads it aloud. */
import type { HtmlAttributes } from './read-html.ts';

export interface PartsRead {
  /** cover, title page, contents, copyright, index and the like; left out by default */
  readonly frontMatter?: boolean;
  /** footnotes and endnotes; left out by default */
  readonly notes?: boolean;
}

/** Nobody says what stands in them. */
const SILENT = new Set(
  'head title script style template iframe audio video object canvas svg rt rp rtc select textarea button nav-label'.split(
    ' ',
  ),
);

const BLOCKS = new Set(
  'html body address article aside blockquote center details dialog div dl dt dd fieldset figcaption figure footer form header hgroup main nav p section summary caption ul ol'.split(
    ' ',
  ),
);

export const isSilent = (name: string) => SILENT.has(name);
export const isBlock = (name: string) => BLOCKS.has(name);

/**
 * https://www.w3.org/TR/epub-ssv-11/ for epub:type and landmarks, https://idpf.org/epub/20/spec/OPF_2.0.1_draft.htm#Section2.6 for the
 * guide of EPUB 2.
 */
const FRONT_MATTER = new Set(
  (
    'cover frontcover titlepage halftitlepage title-page toc toc-brief landmarks loi lot loa lov page-list ' +
    'copyright-page imprint imprimatur colophon index other-credits'
  ).split(' '),
);
const NOTES = new Set('footnote footnotes endnote endnotes rearnote rearnotes notes'.split(' '));

export type LeftOutAs = 'front matter' | 'notes';

/** What epub:type, role and the guide of a package call a part of a book. */
export function leftOutAs(types: readonly string[], read: PartsRead): LeftOutAs | undefined {
  if (read.frontMatter !== true && types.some((type) => FRONT_MATTER.has(type))) return 'front matter';
  if (read.notes !== true && types.some((type) => NOTES.has(type))) return 'notes';
  return undefined;
}

/** Its types as EPUB has them; roles of DPUB-ARIA are the same words behind 'doc-'. Notes of older books are known by their class. */
export function typesOf(attributes: HtmlAttributes): string[] {
  const types = words(attributes.get('epub:type'));
  const roles = words(attributes.get('role')).map((role) => role.replace(/^doc-/, ''));
  const classes = words(attributes.get('class')).filter((name) => /^(?:foot|end)notes?$/.test(name));
  return [...types, ...roles, ...classes];
}

export const isHidden = (attributes: HtmlAttributes) => attributes.has('hidden');

/** A mark that leads to a note or back from it, and the number of a printed page. */
export const isMark = (types: readonly string[]) =>
  types.some((type) => ['noteref', 'biblioref', 'backlink', 'pagebreak'].includes(type));

/** Listings, as they are marked where <code> is not. */
const CODE_CLASS =
  /(?:^|[\s_-])(?:code|source|sourcecode|program|programlisting|listing|highlight|prettyprint|screen)/i;
export const isCode = (attributes: HtmlAttributes) => CODE_CLASS.test(attributes.get('class') ?? '');

function words(text = ''): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}
