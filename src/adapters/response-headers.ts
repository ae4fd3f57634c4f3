/** What a server says about the file that it sends. Everything in a header is a claim: lengths and digests are verified. */

/**
 * Hugging Face states a large file's sha256 as `X-Linked-ETag` where it redirects to the storage, some mirrors as `ETag`:
 * https://github.com/huggingface/huggingface_hub, file_download.py, get_hf_file_metadata.
 */
export function statedDigest(headers: Headers): string | undefined {
  for (const name of ['x-linked-etag', 'etag']) {
    const digest = headers.get(name)?.replace(/^W\//, '').replaceAll('"', '').toLowerCase();
    if (digest !== undefined && /^[0-9a-f]{64}$/.test(digest)) return digest;
  }
  return undefined;
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
