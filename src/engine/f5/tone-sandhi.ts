/**
 * Tone sandhi inside one word, by the rules of pypinyin (pypinyin/contrib/tone_sandhi.py), with which the texts of
 * F5-TTS's training data were written. Simpler than the language's own rules, on purpose: the model knows these.
 */

const TONE = /[1-4]$/;

/**
 * @param characters of one word
 * @param readings pinyin of each, tone as a last digit, without a digit for the neutral tone
 */
export function applyToneSandhi(characters: readonly string[], readings: readonly string[]): string[] {
  const result = [...readings];
  const thirds = result.flatMap((reading, index) => (reading.endsWith('3') ? [index] : []));
  // Two third tones, side by side or not: the first rises. More: all but the last.
  for (const index of thirds.slice(0, -1)) result[index] = withTone(result[index]!, '2');
  for (const [index, character] of characters.entries()) {
    if (character !== '不' && character !== '一') continue;
    const next = result[index + 1];
    const whenLast = character === '不' ? '4' : '1';
    result[index] = withTone(result[index]!, next === undefined ? whenLast : next.endsWith('4') ? '2' : '4');
  }
  return result;
}

function withTone(reading: string, tone: string): string {
  return reading.replace(TONE, tone);
}
