/** Paragraphs cut into stretches of one voice, one speed and one language: what is normalised at once. */
import type { SegmentText } from '../core/ports.ts';
import { detectLanguage, languageRuns } from './detect-language.ts';
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

type LanguageOptions = Pick<Parameters<SegmentText>[1], 'language' | 'fallback' | 'voices'>;

/** Asked for paragraphs in ascending order: takes time linear in the length of the text. */
export class Stretches {
  readonly #text: string;
  readonly #marked: Pick<MarkedText, 'manners' | 'spans'>;
  readonly #options: Pick<Parameters<SegmentText>[1], 'language' | 'fallback' | 'voices'>;
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
    const sections = [...this.#sections(start, end)];
    for (const [index, section] of sections.entries()) {
      const next = sections[index + 1];
      const spans = this.#spansBefore(section.end);
      const runs = notInside(spans, this.#runs(section));
      for (const [at, run] of runs.entries()) {
        const isLast = at === runs.length - 1;
        yield {
          ...run,
          manner: section.manner,
          change: isLast ? next && changeBetween(section.manner, next.manner) : 'sentence',
          spans: runs.length === 1 ? spans : spans.filter((span) => span.end > run.start && span.start < run.end),
        };
      }
    }
  }

  /** Parts of one manner. */
  *#sections(start: number, end: number): Generator<{ start: number; end: number; manner: Manner }> {
    const { manners } = this.#marked;
    let from = start;
    for (; ; this.#nextManner += 1) {
      const change = manners[this.#nextManner];
      if (change === undefined || change.offset >= end) break;
      if (change.offset > from && !isSame(change.manner, this.#manner)) {
        const to = Math.min(end, this.#behindClosing(change.offset));
        if (this.#text.slice(from, to).trim() !== '') {
          yield { start: from, end: to, manner: this.#manner };
          from = to;
        }
      }
      this.#manner = change.manner;
    }
    if (from < end) yield { start: from, end, manner: this.#manner };
  }

  #behindClosing(offset: number): number {
    CLOSING.lastIndex = offset;
    return CLOSING.test(this.#text) ? CLOSING.lastIndex : offset;
  }

  #runs({ start, end, manner }: { start: number; end: number; manner: Manner }) {
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
function notInside<R extends { start: number; end: number }>(spans: readonly Span[], runs: R[]): R[] {
  if (spans.length === 0 || runs.length === 1) return runs;
  const moved: R[] = [];
  let start = runs[0]?.start ?? 0;
  let next = 0;
  for (const run of runs) {
    while ((spans[next]?.end ?? Infinity) <= run.end) next += 1;
    const span = spans[next];
    const end = span !== undefined && span.start < run.end ? Math.min(span.end, runs.at(-1)?.end ?? span.end) : run.end;
    if (end > start) moved.push({ ...run, start, end });
    start = Math.max(start, end);
  }
  return moved;
}
