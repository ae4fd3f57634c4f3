/** Is the dot of an abbreviation also the full stop of its sentence? */

/** Words that begin sentences far more often than they follow an abbreviation as a name. */
const STARTERS = new Set(
  (
    'A After All Although An And Another As At Because Before But By Even Every Few For From He Her Here His How However I If In ' +
    'Instead It Its Later Many Maybe Meanwhile Most My Neither Never Next No Nobody Nothing Now Of On Once One Only Or Our ' +
    'Perhaps She So Some Soon Still Such That The Their Then There These They This Those Though Through To Today Under Until ' +
    'We Well What When Where Whether Which While Who Why With Yes Yet You Your'
  ).split(' '),
);

/** `after`: the text behind the dot. True at the end of the paragraph and before a word with a capital. */
export function endsSentence(after: string): boolean {
  return /^["')\]]*(?:\s*$|\s+["'([]*[A-Z])/.test(after);
}

/** For abbreviations that often stand before names ('U.S. Army'): true at the end, and before a word that starts sentences. */
export function endsSentenceSurely(after: string): boolean {
  const next = /^["')\]]*\s+["'([]*([A-Z][a-z]*)/.exec(after)?.[1];
  return next === undefined ? endsSentence(after) : STARTERS.has(next);
}
