/** What `narrator submit` sends for each kind of source. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { NarratorError } from '../core/errors.ts';
import { isBook, type LeftOut, openSourceFile, type SourceOptions } from '../runtime/open-book.ts';
import type { ServerRequest } from './client.ts';
import { readTextInput } from './read-text-input.ts';

/** What is asked for besides the manifest: see docs/api.md. */
export type JobOptions = Record<string, unknown>;

/** A request, and what of a book is not in it. */
export type SubmitRequest = ServerRequest & { readonly leftOut: readonly LeftOut[] };

const MANIFEST_TYPES: Readonly<Record<string, string>> = {
  '.jsonl': 'application/x-ndjson',
  '.ndjson': 'application/x-ndjson',
  '.csv': 'text/csv',
};
/** As ids of items may be spelled; see docs/manifest.md. */
const ITEM_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** Servers and what stands before them take addresses of 8 KiB at least; percent signs make three characters of one. */
const QUERY_CHARACTERS_MAX = 6000;

/** @throws NarratorError usage: no such file, a lexicon that is too large for its manifest; as openSourceFile and readTextInput */
export async function submitRequest(source: string, options: JobOptions, asked: SourceOptions): Promise<SubmitRequest> {
  const extension = extname(source).toLowerCase();
  if (/^(s3|https?):\/\//i.test(source)) {
    const isManifest = extname(source.replace(/[?#].*$/, '')).toLowerCase() in MANIFEST_TYPES;
    return { json: { ...options, [isManifest ? 'manifest' : 'textUrl']: source }, leftOut: [] };
  }
  if (isBook(source)) {
    const file = await openSourceFile(source, asked);
    const manifest = { contentType: 'application/x-ndjson', open: () => file.read() };
    return { ...(await manifestRequest(manifest, options, source)), leftOut: file.book?.leftOut ?? [] };
  }
  const contentType = MANIFEST_TYPES[extension];
  if (contentType !== undefined) {
    await checkFile(source);
    const manifest = { contentType, open: () => createReadStream(source) };
    return { ...(await manifestRequest(manifest, options, source)), leftOut: [] };
  }
  const name = basename(source, extname(source));
  const itemId = source !== '-' && ITEM_ID.test(name) ? { itemId: name } : {};
  return { json: { ...options, ...itemId, text: await readTextInput(source) }, leftOut: [] };
}

/** The manifest is the body, as a stream, and the options the query; options that are too long for one (a lexicon) need a body of JSON. */
async function manifestRequest(
  upload: NonNullable<ServerRequest['upload']>,
  options: JobOptions,
  source: string,
): Promise<ServerRequest> {
  const { secret, rest } = withoutSecret(options);
  const query = JSON.stringify(rest);
  if (query === '{}') return { upload };
  if (encodeURIComponent(query).length <= QUERY_CHARACTERS_MAX) {
    return { query: { options: query }, upload, ...(secret !== undefined && { headers: { [SECRET_HEADER]: secret } }) };
  }
  if (upload.contentType === 'text/csv') {
    throw new NarratorError('usage', `The options are too long to be sent beside ${source}.`, {
      hint: 'Hand in the manifest as JSON Lines, or give the lexicon to the voice or to the server.',
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of upload.open()) chunks.push(chunk);
  return { json: { ...options, items: itemsOf(Buffer.concat(chunks).toString('utf8'), source) } };
}

/** Addresses stand in logs. Webhooks of one command have one secret. */
const SECRET_HEADER = 'narrator-webhook-secret';

function withoutSecret(options: JobOptions): { readonly secret: string | undefined; readonly rest: JobOptions } {
  const notify = options['notify'] as readonly { readonly secret?: string }[] | undefined;
  const secret = notify?.find((subscription) => subscription.secret !== undefined)?.secret;
  if (secret === undefined) return { secret, rest: options };
  return { secret, rest: { ...options, notify: notify?.map(({ secret: _secret, ...subscription }) => subscription) } };
}

function itemsOf(manifest: string, source: string): unknown[] {
  const items: unknown[] = [];
  for (const [index, line] of manifest
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '') continue;
    try {
      items.push(JSON.parse(line));
    } catch (cause) {
      throw new NarratorError('usage', `Line ${index + 1} of ${source} is not JSON.`, { line: index + 1 }, { cause });
    }
  }
  return items;
}

async function checkFile(path: string): Promise<void> {
  const entry = await stat(path).catch((cause: unknown) => {
    throw new NarratorError('usage', `${path} cannot be read: there is no such file.`, {}, { cause });
  });
  if (!entry.isFile()) throw new NarratorError('usage', `${path} is not a file.`);
}
