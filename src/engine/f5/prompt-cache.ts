/** The voices that the engine holds ready: a bounded number, the longest unused goes first. */

export interface Prompt {
  readonly transcript: string;
  /** frames of the reference by the duration rule */
  readonly frames: number;
  /** log-mel of the reference, [melFrames, melDim]; one frame more than `frames`, as frames are centred */
  readonly mel: Float32Array;
  readonly melFrames: number;
  /** what the model's speech is multiplied with: below 1 where the reference had been raised to the model's level */
  readonly gain: number;
}

/**
 * Twice the items of the largest batch: while the voices that a batch lacks are added, those that it has must stay.
 * A prompt of 12 s takes 450 kB, so all together at most 58 MB.
 */
const MAX_PROMPTS = 128;

export class PromptCache {
  /** in order of use, the longest unused first */
  readonly #prompts = new Map<string, Prompt>();

  /** Counts as a use. */
  get(version: string): Prompt | undefined {
    const prompt = this.#prompts.get(version);
    if (prompt !== undefined) this.add(version, prompt);
    return prompt;
  }

  add(version: string, prompt: Prompt): void {
    this.#prompts.delete(version);
    this.#prompts.set(version, prompt);
    if (this.#prompts.size <= MAX_PROMPTS) return;
    const [oldest] = this.#prompts.keys();
    this.#prompts.delete(oldest!);
  }
}
