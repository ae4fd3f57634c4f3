/** What a server says about the file that it sends. Everything in a header is a claim: lengths and digests are verified. */

/**
 * Hugging Face states a large file's sha256 as `X-Linked-ETag` where it redirects to the storage (huggingface_hub,
 * file_download.py, get_hf_file_metadata). A plain ETag proves nothing: the storage's own are digests of another kind.
 */
export function statedDigest(headers: Headers): string | undefined {
  const digest = headers.get('x-linked-etag')?.replace(/^W\//, '').replaceAll('"', '').toLowerCase();
  return digest !== undefined && /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

/** Only a strong ETag may stand in If-Range (RFC 9110, 13.1.5). */
export function strongEtag(etag: string | null): string | undefined {
  return etag === null || etag.startsWith('W/') ? undefined : etag;
}

export function parseContentRange(
  header: string | null,
): { start: number | undefined; total: number | undefined } | undefined {
  const match = /^bytes (?:(\d{1,15})-\d{1,15}|\*)\/(?:(\d{1,15})|\*)$/.exec(header ?? '');
  if (match === null) return undefined;
  const [, start, total] = match;
  return {
    start: start === undefined ? undefined : Number(start),
    total: total === undefined ? undefined : Number(total),
  };
}
