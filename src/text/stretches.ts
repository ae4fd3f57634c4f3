/** Paragraphs cut into stretches of one voice, one speed and one language: what is normalised at once. */
import type { SegmentText } from '../core/ports.ts';
import { detectLanguage, type LanguageRun, languageRuns } from './detect-language.ts';
import { primaryTag } from './language-tag.ts';
import type { Manner, MarkedText, Span } from './spans.ts';

export interface Stretch {
  /** offsets into the text */
  readonly start: number;
  readonly end: number;
  /** BCP-47 tag */
  readonly language: string;
  readonly manner: Manner;
  /** what changes behind it, inside its paragraph: by the markup, or because a sentence in another language follows */
  readonly change: 'voice' | 'manner' | 'sentence' | undefined;
  /** those within it */
  readonly spans: readonly Span[];
}

/** What the main language of a text is judged by. */
const SAMPLE_CHARACTERS = 10_000;
/** Closes what stands before it: spoken with that, wherever the tag behind which it stands was put. */
const CLOSING = /(?:[.,;:!?…)"'”’]+(?=\s|$)|[。，、！？；：”’」』）]+)/uy;

interface Section {
  readonly start: number;
  readonly end: number;
  readonly manner: Manner;
}

type LanguageOptions = Pick<Parameters<SegmentText>[1], 'language' | 'fallback' | 'voices'>;

/** Asked for paragraphs in ascending order: takes time linear in the length of the text. */
export class Stretches {
  readonly #text: string;
  readonly #marked: Pick<MarkedText, 'manners' | 'spans'>;
  readonly #options: LanguageOptions;
  /** by voice */
  readonly #mainLanguages = new Map<string | undefined, string>();
  #nextManner = 0;
  #nextSpan = 0;
  #manner: Manner = {};

  constructor({ text, manners, spans }: MarkedText, options: LanguageOptions) {
    this.#text = text;
    this.#marked = { manners, spans };
    this.#options = options;
  }

  /** The stretches of a paragraph, one after the other. */
  *of(start: number, end: number): Generator<Stretch> {
    const sections = this.#sections(start, end);
    for (const [index, section] of sections.entries()) {
      const next = sections[index + 1];
      const runs = notInside(this.#spansBefore(section.end), this.#runs(section));
      for (const [at, run] of runs.entries()) {
        const isLast = at === runs.length - 1;
        const change = isLast ? next && changeBetween(section.manner, next.manner) : 'sentence';
        yield { ...run, manner: section.manner, change };
      }
    }
  }

  /** Parts of one manner, none of white space alone. */
  #sections(start: number, end: number): Section[] {
    const { manners } = this.#marked;
    const sections: Section[] = [];
    let from = start;
    const add = (to: number): void => {
      if (this.#text.slice(from, to).trim() === '') return;
      const last = sections.at(-1);
      if (last !== undefined && isSame(last.manner, this.#manner)) sections[sections.length - 1] = { ...last, end: to };
      else sections.push({ start: from, end: to, manner: this.#manner });
      from = to;
    };
    for (; ; this.#nextManner += 1) {
      const change = manners[this.#nextManner];
      if (change === undefined || change.offset >= end) break;
      if (change.offset > from && !isSame(change.manner, this.#manner)) add(this.#behindClosing(change.offset, end));
      this.#manner = change.manner;
    }
    add(end);
    return sections;
  }

  #behindClosing(offset: number, end: number): number {
    CLOSING.lastIndex = offset;
    return CLOSING.test(this.#text) ? Math.min(CLOSING.lastIndex, end) : offset;
  }

  #runs({ start, end, manner }: Section): LanguageRun[] {
    const { language } = this.#options;
    const named = manner.language ?? (language === 'auto' ? undefined : language);
    if (named !== undefined) return [{ start, end, language: named }];
    const own = this.#ownLanguage(manner.voice);
    const runs = languageRuns(this.#text.slice(start, end), this.#mainLanguage(manner.voice));
    return runs.map((run) => ({
      start: start + run.start,
      end: start + run.end,
      language: withRegion(run.language, own),
    }));
  }

  #ownLanguage(voice: string | undefined): string | undefined {
    const { fallback, voices } = this.#options;
    return (voice === undefined ? undefined : voices?.get(voice)?.language) ?? fallback;
  }

  #mainLanguage(voice: string | undefined): string {
    let language = this.#mainLanguages.get(voice);
    if (language === undefined) {
      language = mainLanguage(this.#text, this.#ownLanguage(voice));
      this.#mainLanguages.set(voice, language);
    }
    return language;
  }

  #spansBefore(end: number): Span[] {
    const spans: Span[] = [];
    for (; ; this.#nextSpan += 1) {
      const span = this.#marked.spans[this.#nextSpan];
      if (span === undefined || span.start >= end) return spans;
      spans.push(span);
    }
  }
}

/** 'en' with the region that the voice names: it decides how numeric dates are read. */
function withRegion(primary: string, tag: string | undefined): string {
  return tag !== undefined && primaryTag(tag) === primary ? tag : primary;
}

function mainLanguage(text: string, fallback: string | undefined): string {
  const tag = fallback === undefined ? undefined : primaryTag(fallback);
  if (tag !== undefined && tag !== 'en' && tag !== 'zh') return tag;
  const detected = detectLanguage(text.slice(0, SAMPLE_CHARACTERS));
  return detected === undefined || detected === 'other' ? (tag ?? 'en') : detected;
}

const isSame = (one: Manner, other: Manner) => changeBetween(one, other) === undefined;

function changeBetween(one: Manner, other: Manner): Stretch['change'] {
  if (one.voice !== other.voice) return 'voice';
  return one.speed === other.speed && one.language === other.language ? undefined : 'manner';
}

/** What is said by a rule of its own is said in one language: a run that would end inside a span ends behind it. */
function notInside(spans: readonly Span[], runs: readonly LanguageRun[]): (LanguageRun & Pick<Stretch, 'spans'>)[] {
  const moved: (LanguageRun & Pick<Stretch, 'spans'>)[] = [];
  let start = runs[0]?.start ?? 0;
  let next = 0;
  for (const run of runs) {
    const first = next;
    while ((spans[next]?.start ?? Infinity) < run.end) next += 1;
    const end = Math.min(Math.max(run.end, spans[next - 1]?.end ?? 0), runs.at(-1)?.end ?? run.end);
    if (end <= start) continue;
    moved.push({ ...run, start, end, spans: spans.slice(first, next) });
    start = end;
  }
  return moved;
}
