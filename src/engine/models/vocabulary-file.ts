/** `vocab.txt`: one token a line, the space first. Published with either line end; ours always has '\n'. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { NarratorError } from '../../core/errors.ts';

/** The published vocabulary has 14 kB for 2545 tokens. */
const MAX_VOCABULARY_BYTES = 8 * 1024 * 1024;

/**
 * Copies a vocabulary and checks that it belongs to the network.
 * @param tokens as many as the network has embeddings, without the filler
 * @throws NarratorError model_invalid
 */
export async function importVocabulary(source: string, target: string, tokens: number): Promise<void> {
  const { size } = await stat(source).catch((cause: unknown) => {
    throw new NarratorError('model_not_found', `There is no vocabulary at ${source}`, {}, { cause });
  });
  if (size > MAX_VOCABULARY_BYTES) {
    throw new NarratorError('model_invalid', `${source} has ${size} bytes; at most ${MAX_VOCABULARY_BYTES} are read`);
  }
  const lines = (await readFile(source, 'utf8')).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length !== tokens) {
    throw new NarratorError('model_invalid', `${source} has ${lines.length} tokens, but the network knows ${tokens}`);
  }
  await writeVocabulary(target, lines);
}

/** @throws NarratorError model_invalid unless the space is first: its index also stands for every unknown token */
export async function writeVocabulary(path: string, tokens: readonly string[]): Promise<void> {
  if (tokens[0] !== ' ') {
    throw new NarratorError(
      'model_invalid',
      `The vocabulary starts with ${JSON.stringify(tokens[0])}: its first token must be the space`,
    );
  }
  await writeFile(path, tokens.map((token) => `${token}\n`).join(''));
}
