/** `ref_audio` of a request to bytes: base64, an address, or a path below the folder that was opened for it. */
import { fetchUntrusted } from '../adapters/fetch-untrusted.ts';
import { readInside } from '../adapters/read-inside.ts';
import { NarratorError } from '../core/errors.ts';

export interface ClipSources {
  readonly maxBytes: number;
  /** paths are refused without it */
  readonly folder: string | undefined;
  readonly allowHosts: readonly string[];
  readonly signal: AbortSignal;
}

const FIELD = 'ref_audio';
const DATA_ADDRESS = /^data:[a-z0-9.+/-]{0,100};base64,/i;
/** Shorter than any audio file, longer than most paths. */
const BASE64_CHARACTERS_MIN = 64;

/** @throws NarratorError request_invalid, fetch_refused, fetch_failed */
export async function referenceClip(
  refAudio: string,
  { maxBytes, folder, allowHosts, signal }: ClipSources,
): Promise<Uint8Array> {
  if (/^https?:\/\//i.test(refAudio)) return fetchUntrusted(refAudio, { field: FIELD, maxBytes, allowHosts, signal });
  const data = DATA_ADDRESS.exec(refAudio.slice(0, 200))?.[0];
  if (data !== undefined) return decoded(refAudio.slice(data.length));
  if (refAudio.length >= BASE64_CHARACTERS_MIN && isBase64(refAudio)) return decoded(refAudio);
  if (folder === undefined) {
    throw new NarratorError(
      'request_invalid',
      `${FIELD} is neither base64 nor an http(s) address, and paths are not opened here.`,
      {
        field: FIELD,
        hint: 'Send the clip as base64, or start the server with --clips FOLDER.',
      },
    );
  }
  const refuse = (why: string) =>
    new NarratorError('request_invalid', `${FIELD} ${JSON.stringify(refAudio.slice(0, 200))} ${why}.`, {
      field: FIELD,
    });
  return readInside(folder, refAudio, {
    maxBytes,
    refuse,
    tooLarge: (bytes) => refuse(`has ${bytes} bytes; the limit is ${maxBytes}`),
  });
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function decoded(text: string): Uint8Array {
  const bare = text.replaceAll(/\s/g, '');
  if (!isBase64(bare)) throw new NarratorError('request_invalid', `${FIELD} is not valid base64.`, { field: FIELD });
  return Buffer.from(bare, 'base64');
}
