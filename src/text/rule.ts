/** The grammar of one language: what its normalisation is made of. Tables of rules, read by normalise.ts. */

/**
 * One way to say something. `at` is sticky and is tried at one place; `say` gives the words, or undefined where the match
 * means something else and the next rule shall look. No pattern may take more than linear time on any input.
 */
export interface Rule {
  readonly at: RegExp;
  readonly say: (match: RegExpExecArray) => string | undefined;
}

/** In each list the first rule that speaks wins. */
export interface Grammar {
  /** Equivalent characters made one (full-width forms, curly quotes). Must keep the length in UTF-16 units: offsets stay true. */
  readonly fold: (text: string) => string;
  /** sticky: what needs no rule, skipped at once. Only for speed */
  readonly plain: RegExp;
  /** sticky: the rest of a word that no rule speaks */
  readonly word: RegExp;
  /** tried where a word starts */
  readonly letters: readonly Rule[];
  /** tried where a number starts; the last one takes any run of digits */
  readonly digits: readonly Rule[];
  /** tried at everything else */
  readonly others: readonly Rule[];
  /** put between words that a rule made and the word beside them */
  readonly gap: string;
}

/** Letters with their marks. */
export const WORD = /[\p{L}\p{M}]+/uy;

/** `source` in Unicode mode, sticky. */
export function rule(source: string, say: Rule['say'] | string): Rule {
  return { at: new RegExp(source, 'uy'), say: typeof say === 'string' ? () => say : say };
}

/** Rules in their order, ready to be tried at many places. */
export interface RuleList {
  readonly rules: readonly Rule[];
  /** sticky: matches wherever one of them does, but for those in `apart` */
  readonly any: RegExp;
  /** those that count their groups, and so cannot be alternatives of one pattern */
  readonly apart: readonly Rule[];
}

const COUNTS_GROUPS = /\\[1-9]|\\k<|\(\?<[A-Za-z]/;

/** At most places no rule is to be applied: one pattern of them all finds that out several times faster than each by itself. */
export function ruleList(rules: readonly Rule[]): RuleList {
  const isApart = ({ at }: Rule): boolean => COUNTS_GROUPS.test(at.source);
  const joined = rules.filter((one) => !isApart(one)).map(({ at }) => `(?:${at.source})`);
  return { rules, any: new RegExp(joined.join('|') || '(?!)', 'uy'), apart: rules.filter(isApart) };
}

/** How far a rule may look around: enough for a word or two, and constant, so that rules stay linear. */
const CONTEXT = 40;

export function textBefore(match: RegExpExecArray): string {
  return match.input.slice(Math.max(0, match.index - CONTEXT), match.index);
}

export function textAfter(match: RegExpExecArray): string {
  const end = match.index + match[0].length;
  return match.input.slice(end, end + CONTEXT);
}
