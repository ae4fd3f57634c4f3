/** EPUBs for tests, built in memory. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, type Zippable, zipSync } from 'fflate';

export interface EpubChapter {
  /** relative to the package, not encoded */
  readonly file: string;
  /** of <body>, or the whole document if it begins with '<?xml' or '<html' */
  readonly body: string | Uint8Array;
  readonly linear?: 'no';
}

export interface EpubSpec {
  readonly chapters: readonly EpubChapter[];
  /** EPUB 3 has a nav.xhtml, EPUB 2 a toc.ncx; 'none' has neither */
  readonly toc?: 'nav' | 'ncx' | 'none';
  /** entries of the table: title, and link relative to the package; by default one a chapter */
  readonly entries?: readonly (readonly [
    title: string,
    href: string,
    within?: readonly (readonly [string, string])[],
  ])[];
  readonly language?: string;
  /** folder of the package */
  readonly folder?: string;
  /** in <package>, behind the spine: a guide */
  readonly more?: string;
  /** further files, by name in the archive; undefined takes one away */
  readonly files?: Readonly<Record<string, string | Uint8Array | undefined>>;
}

const CONTAINER = (path: string) => `<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="${path}" media-type="application/oebps-package+xml"/></rootfiles>
</container>`;

export function makeEpub(spec: EpubSpec): Uint8Array {
  const { chapters, toc = 'nav', folder = 'OEBPS', language = 'en', more = '' } = spec;
  const inFolder = (name: string) => (folder === '' ? name : `${folder}/${name}`);
  const entries = spec.entries ?? chapters.map(({ file }, index) => [`Chapter ${index + 1}`, encodeURI(file)] as const);
  const files: Record<string, string | Uint8Array | undefined> = {
    mimetype: 'application/epub+zip',
    'META-INF/container.xml': CONTAINER(inFolder('content.opf')),
  };
  const item = (id: string, href: string, type: string, properties = '') =>
    `<item id="${id}" href="${href}" media-type="${type}"${properties}/>`;
  const items = chapters.map(({ file }, index) => item(`c${index}`, encodeURI(file), 'application/xhtml+xml'));
  for (const { file, body } of chapters) files[inFolder(file)] = typeof body === 'string' ? document(body) : body;
  if (toc === 'nav') {
    items.push(item('nav', 'nav.xhtml', 'application/xhtml+xml', ' properties="nav"'));
    files[inFolder('nav.xhtml')] = document(`<nav epub:type="toc"><h1>Contents</h1>${navList(entries)}</nav>`);
  } else if (toc === 'ncx') {
    items.push(item('ncx', 'toc.ncx', 'application/x-dtbncx+xml'));
    files[inFolder('toc.ncx')] = `<?xml version="1.0"?>
<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><navMap>${navPoints(entries)}</navMap></ncx>`;
  }
  const references = chapters.map(({ linear }, index) => `<itemref idref="c${index}"${linear ? ' linear="no"' : ''}/>`);
  files[inFolder('content.opf')] = `<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="${toc === 'ncx' ? '2.0' : '3.0'}" unique-identifier="id">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:title>The  Test Book</dc:title><dc:creator>Ann Author</dc:creator><dc:creator>Bob</dc:creator>
    <dc:language>${language}</dc:language><dc:identifier id="id">x</dc:identifier>
  </metadata>
  <manifest>${items.join('\n')}</manifest>
  <spine${toc === 'ncx' ? ' toc="ncx"' : ''}>${references.join('\n')}</spine>${more}
</package>`;
  return zip({ ...files, ...spec.files });
}

/** An archive of these files, in this order. */
export function zip(files: Readonly<Record<string, string | Uint8Array | undefined>>): Uint8Array {
  const entries: Zippable = {};
  for (const [name, content] of Object.entries(files)) {
    if (content !== undefined) entries[name] = typeof content === 'string' ? strToU8(content) : content;
  }
  return zipSync(entries);
}

export function document(body: string): string {
  if (/^\s*(?:<\?xml|<html)/.test(body)) return body;
  return `<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head><body>${body}</body></html>`;
}

type Entries = NonNullable<EpubSpec['entries']>;

function navList(entries: Entries): string {
  const items = entries.map(
    ([title, href, within]) => `<li><a href="${href}">${title}</a>${within ? navList(within) : ''}</li>`,
  );
  return `<ol>${items.join('')}</ol>`;
}

function navPoints(entries: Entries): string {
  return entries
    .map(
      ([title, href, within]) =>
        `<navPoint id="n"><navLabel><text>${title}</text></navLabel><content src="${href}"/>${within ? navPoints(within) : ''}</navPoint>`,
    )
    .join('');
}

/** Writes the bytes to a file of a folder that is gone afterwards. */
export async function withFile<T>(
  name: string,
  bytes: Uint8Array | string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'narrator-book-'));
  try {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
