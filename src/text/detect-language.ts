/** The language of a text, by its script. */

/**
 * 'zh' if the text has at least as many Han characters as words of other letters, else 'en'; undefined if it has no
 * letters at all. A Han character is about a word's worth of speech, so the majority of what will be said decides: a
 * Chinese sentence with a brand name stays Chinese, an English one that quotes 你好 stays English. Japanese kanji count as
 * Chinese: other languages than these two are named by the client, not guessed.
 */
export function detectLanguage(text: string): 'en' | 'zh' | undefined {
  let han = 0;
  let words = 0;
  for (const [run] of text.matchAll(/\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{M}])+/gu)) {
    if (/^\p{Script=Han}/u.test(run)) han += 1;
    else words += 1;
  }
  if (han + words === 0) return undefined;
  return han >= words ? 'zh' : 'en';
}
