/**
 * Silence between segments in milliseconds, on top of the little that the model leaves at the ends itself. Narrators pause
 * 0.3 to 0.5 s between sentences and about twice that between paragraphs; a cut that the text does not ask for shall not
 * be heard. All stay under 1.2 s with what the model adds.
 */
export const PAUSE_MS = { cut: 0, clause: 80, sentence: 350, paragraph: 700 } as const;
