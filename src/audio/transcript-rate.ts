/**
 * Does a transcript fit the length of its clip? F5-TTS paces new speech by the characters and seconds of the reference, so a
 * transcript of another length than what is said makes every sentence too fast or too slow, and leaks words of the reference.
 */

/** Scripts that write a syllable or a word a character. */
const DENSE_SCRIPT = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
const SPOKEN_CHARACTER = /[\p{L}\p{N}]/gu;

/**
 * Characters a second. Read speech has some 5 syllables a second in Mandarin, which are as many characters, and 6 in English, which
 * are some 15 letters (Pellegrino et al., Language 87, 2011); slow narration has two thirds of it. Twice as fast or less than
 * half as fast is doubtful; beyond three times, clip and transcript are not of the same speech.
 */
const PLAUSIBLE_RATE = {
  dense: { doubtful: [2, 9], absurd: [0.8, 15] },
  alphabetic: { doubtful: [6, 28], absurd: [2, 45] },
};

export function countSpokenCharacters(transcript: string): { all: number; dense: number } {
  return { all: transcript.match(SPOKEN_CHARACTER)?.length ?? 0, dense: transcript.match(DENSE_SCRIPT)?.length ?? 0 };
}

/**
 * @param seconds of the clip without the silence at its ends; with 0 only emptiness is judged
 * @returns undefined when it fits
 */
export function checkTranscriptRate(
  transcript: string,
  seconds: number,
): { level: 'error' | 'warning'; message: string } | undefined {
  const { all, dense } = countSpokenCharacters(transcript);
  if (all === 0) {
    return { level: 'error', message: 'The transcript is empty: write down exactly what is said in the clip.' };
  }
  if (seconds <= 0) return undefined;
  const { doubtful, absurd } = PLAUSIBLE_RATE[dense * 2 > all ? 'dense' : 'alphabetic'];
  const rate = all / seconds;
  const isWithin = ([low, high]: readonly number[]) => rate >= (low as number) && rate <= (high as number);
  if (isWithin(doubtful)) return undefined;
  const found = `${all} characters for ${seconds.toFixed(1)} s, ${rate.toFixed(1)} a second`;
  const direction = rate > (doubtful[1] as number) ? 'long' : 'short';
  return isWithin(absurd)
    ? { level: 'warning', message: `The transcript looks too ${direction} for the clip (${found}): compare them.` }
    : {
        level: 'error',
        message: `The transcript is far too ${direction} for the clip (${found}): it must say what the clip says.`,
      };
}
