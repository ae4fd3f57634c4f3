/**
 * Sentence ends in spoken text. Own rules rather than Intl.Segmenter's: the same text must be cut the same way under every
 * version of Node (its Unicode data changes), ICU's sentence iterator takes quadratic time in V8 (a minute for 1 MB), and
 * the abbreviations, initials and decimals that make splitting hard are words by now.
 */

/** A run of terminators of any script with the quotes and brackets that it closes. */
const TERMINATORS = /[\p{Sentence_Terminal}]+(["'\p{Pe}\p{Pf}]*)(\s*)/gu;
/** Han text has no space behind its full stops. */
const FULL_WIDTH = /[。！？｡]/;
const LOWER_CASE_FOLLOWS = /^["'\p{Ps}\p{Pi}-]*\p{Ll}/u;

/**
 * Offsets behind each sentence, ascending, the last being the text's length. A terminator ends its sentence if white space
 * follows it (none needed behind 。！？) and what comes then does not start in lower case: '"Stop!" he said.' is one.
 */
export function sentenceEnds(text: string): number[] {
  const ends: number[] = [];
  for (const match of text.matchAll(TERMINATORS)) {
    const end = match.index + match[0].length;
    if (end >= text.length) break;
    if (match[2] === '' && !FULL_WIDTH.test(match[0])) continue;
    if (LOWER_CASE_FOLLOWS.test(text.slice(end, end + 8))) continue;
    ends.push(end);
  }
  if (text !== '') ends.push(text.length);
  return ends;
}
