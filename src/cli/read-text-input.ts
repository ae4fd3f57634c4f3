/** A text from a file or from standard input: UTF-8, within a limit. */
import { createReadStream } from 'node:fs';
import { NarratorError } from '../core/errors.ts';

/** What one item's text may have; see MANIFEST_LIMITS.textCharactersMax. Three bytes a UTF-16 unit at most. */
const MAX_BYTES = 3 * 1_000_000;

/** @param file a path, or '-' for standard input. @throws NarratorError text_file_unreadable, text_too_long, encoding_invalid */
export async function readTextInput(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).byteLength;
      if (bytes > MAX_BYTES) {
        throw new NarratorError('text_too_long', `The text has more than ${MAX_BYTES} bytes.`, { limit: MAX_BYTES });
      }
    }
  } catch (cause) {
    if (cause instanceof NarratorError) throw cause;
    throw new NarratorError('text_file_unreadable', `${file} cannot be read.`, { hint: 'Check the path.' }, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new NarratorError(
      'encoding_invalid',
      `${file === '-' ? 'Standard input' : file} is not valid UTF-8.`,
      {},
      { cause },
    );
  }
}
