/** Bytes of a document inside a book to text: by byte order mark, by what the document says of itself, else UTF-8. */
import { NarratorError } from '../core/errors.ts';

const BYTE_ORDER_MARKS: readonly [mark: readonly number[], encoding: string][] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];
/** Both stand within the first kilobyte, in ASCII. */
const DECLARATION = /^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/;
const META = /<meta\s[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i;
const HEAD_BYTES = 1024;

/**
 * XML, XHTML or HTML.
 * @param name for the message
 * @throws NarratorError encoding_invalid: bytes that the encoding does not have, or an encoding that is not known
 */
export function decodeDocument(bytes: Uint8Array, name: string): string {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, HEAD_BYTES));
  const declared = DECLARATION.exec(head)?.[1] ?? META.exec(head)?.[1];
  return decode(bytes, encodingOf(bytes) ?? declared ?? 'utf-8', name);
}

/** Plain text: UTF-8, or UTF-16 with a byte order mark. @throws NarratorError encoding_invalid */
export function decodePlainText(bytes: Uint8Array, name: string): string {
  return decode(bytes, encodingOf(bytes) ?? 'utf-8', name);
}

/** A mark outweighs what is declared: it cannot be wrong. XML in UTF-16 may lack it; then its first character says enough. */
function encodingOf(bytes: Uint8Array): string | undefined {
  const marked = BYTE_ORDER_MARKS.find(([mark]) => mark.every((byte, index) => bytes[index] === byte));
  if (marked !== undefined) return marked[1];
  if (bytes[0] === 0x3c && bytes[1] === 0) return 'utf-16le';
  if (bytes[0] === 0 && bytes[1] === 0x3c) return 'utf-16be';
  return undefined;
}

function decode(bytes: Uint8Array, encoding: string, name: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new NarratorError(
      'encoding_invalid',
      `${name} is not valid ${encoding.toUpperCase()}.`,
      { hint: 'Save it as UTF-8.' },
      { cause },
    );
  }
}
