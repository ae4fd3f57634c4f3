/**
 * Tone sandhi inside one phrase as pypinyin does it (`tone_sandhi=True`), with which the texts of F5-TTS's training data
 * were written. Not the language's own rules, on purpose: the model has learnt these, with their oddities.
 */

const TONE = /[1-4]$/;

/**
 * @param characters of one phrase of pypinyin's own list, or one character alone
 * @param readings pinyin of each, tone as a last digit, without a digit for the neutral tone
 */
export function applyToneSandhi(characters: readonly string[], readings: readonly string[]): string[] {
  const result = thirdTones(readings);
  for (const [index, character] of characters.entries()) {
    if (character === '不') result[index] = beforeFourth(result[index]!, result[index + 1], '4');
  }
  for (const [index, character] of characters.entries()) {
    if (character === '一') result[index] = beforeFourth(result[index]!, result[index + 1], '1');
  }
  return result;
}

/**
 * What counts is how many third tones the phrase *ends* with. Two: the phrase's first third tone rises, wherever it is
 * (伸手不见五指: shou2, not wu2). More: as many from its beginning, less one. One or none: nothing changes (许可证: xu3 ke3).
 */
function thirdTones(readings: readonly string[]): string[] {
  const result = [...readings];
  const isThird = (reading: string) => reading.endsWith('3');
  const atEnd = readings.length - 1 - readings.findLastIndex((reading) => !isThird(reading));
  if (atEnd < 2) return result;
  let rising = atEnd - 1;
  for (let index = 0; rising > 0; index++) {
    if (!isThird(result[index]!)) continue;
    result[index] = withTone(result[index]!, '2');
    rising--;
  }
  return result;
}

/**
 * 不 and 一 rise before a fourth tone, fall before any other, and have their own tone at the end. A 一 that the list has
 * with the first tone keeps it before a fourth one (一共: yi1): pypinyin replaces only a 4 by the 2 there.
 */
function beforeFourth(reading: string, next: string | undefined, atEnd: '1' | '4'): string {
  if (next === undefined) return withTone(reading, atEnd);
  return next.endsWith('4') ? reading.replace(/4$/, '2') : withTone(reading, '4');
}

function withTone(reading: string, tone: string): string {
  return reading.replace(TONE, tone);
}
