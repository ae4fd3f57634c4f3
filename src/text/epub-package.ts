/**
 * The package of an EPUB: where it lies, what it holds, in which order it is read. EPUB 2 and 3:
 * https://idpf.org/epub/20/spec/OPF_2.0.1_draft.htm, https://www.w3.org/TR/epub-33/#sec-package-doc.
 */
import { bookError } from './book.ts';
import { decodeDocument } from './decode-document.ts';
import { localName, readXml, type XmlAttributes, type XmlLimits, type XmlPlace } from './read-xml.ts';

/** The files of a book, by their names in the archive. */
export interface BookFiles {
  /** @returns undefined if there is no such file */
  read(name: string): Promise<Uint8Array | undefined>;
}

export interface PackageFile {
  /** in the archive */
  readonly path: string;
  readonly mediaType: string;
  readonly properties: readonly string[];
  /** id of the file to be used where this one cannot be */
  readonly fallback: string | undefined;
}

export interface SpineItem {
  readonly file: PackageFile;
  readonly isLinear: boolean;
}

export interface EpubPackage {
  readonly path: string;
  readonly title: string | undefined;
  readonly authors: readonly string[];
  readonly language: string | undefined;
  readonly files: ReadonlyMap<string, PackageFile>;
  readonly spine: readonly SpineItem[];
  /** of EPUB 2 */
  readonly ncx: PackageFile | undefined;
  /** of EPUB 3 */
  readonly nav: PackageFile | undefined;
  /** the guide of EPUB 2: what a file is, by its path */
  readonly guide: ReadonlyMap<string, readonly string[]>;
}

const CONTAINER = 'META-INF/container.xml';
const ENCRYPTION = 'META-INF/encryption.xml';
const LIMITS: XmlLimits = { charactersMax: 16_000_000, depthMax: 100, elementsMax: 400_000 };
/** Fonts are disguised so, books are not: https://www.w3.org/TR/epub-33/#sec-font-obfuscation */
const FONT_ALGORITHMS = ['http://www.idpf.org/2008/embedding', 'http://ns.adobe.com/pdf/enc#RC'];

/** @throws NarratorError book_invalid, encoding_invalid; item_invalid with file, line and column */
export async function readPackage(files: BookFiles): Promise<EpubPackage> {
  const container = await xmlOf(files, CONTAINER);
  if (container === undefined) throw bookError(`has no ${CONTAINER}, as every EPUB has`);
  await refuseProtected(files);
  const path = packagePath(container);
  const source = await xmlOf(files, path);
  if (source === undefined) throw bookError(`has no ${path}, which ${CONTAINER} names as its package`);
  return parsePackage(source, path);
}

/** An XML file of the book as text. */
export async function xmlOf(files: BookFiles, path: string): Promise<string | undefined> {
  const bytes = await files.read(path);
  return bytes && decodeDocument(bytes, path);
}

export function readBookXml(source: string, path: string, handler: Partial<Parameters<typeof readXml>[1]>): void {
  const nothing = () => {};
  readXml(source, { open: nothing, text: nothing, close: nothing, ...handler }, { ...LIMITS, source: path });
}

function packagePath(container: string): string {
  const paths: string[] = [];
  readBookXml(container, CONTAINER, {
    open: (name, attributes) => {
      const path = attributes['full-path'];
      if (localName(name) !== 'rootfile' || path === undefined) return;
      if ((attributes['media-type'] ?? '') === 'application/oebps-package+xml') paths.push(path);
    },
  });
  const [path] = paths;
  if (path === undefined) throw bookError(`has no package: ${CONTAINER} names none`);
  return path;
}

async function refuseProtected(files: BookFiles): Promise<void> {
  const source = await xmlOf(files, ENCRYPTION);
  if (source === undefined) return;
  let algorithm = '';
  readBookXml(source, ENCRYPTION, {
    open: (name, attributes) => {
      if (localName(name) === 'EncryptedData') algorithm = '';
      if (localName(name) === 'EncryptionMethod') algorithm = attributes['Algorithm'] ?? '';
      if (localName(name) !== 'CipherReference' || FONT_ALGORITHMS.includes(algorithm)) return;
      throw bookError(
        `is protected (DRM): ${attributes['URI'] ?? 'a file of it'} is encrypted with ${algorithm || 'an algorithm that is not named'}`,
        'A protected book cannot be read: use a copy without protection.',
      );
    },
  });
}

/** Names of the metadata that count; the first title and language, every author. */
const TEXTS = ['title', 'creator', 'language'] as const;

function parsePackage(source: string, path: string): EpubPackage {
  const files = new Map<string, PackageFile>();
  const references: { id: string; isLinear: boolean; at: XmlPlace }[] = [];
  const guide = new Map<string, string[]>();
  const texts: Record<(typeof TEXTS)[number], string[]> = { title: [], creator: [], language: [] };
  let tocId: string | undefined;
  let text: string | undefined;
  let inMetadata = false;

  const openers: Readonly<Record<string, (attributes: XmlAttributes, at: XmlPlace) => void>> = {
    metadata: () => (inMetadata = true),
    spine: ({ toc }) => (tocId = toc),
    item: (attributes) => {
      const { id, href } = attributes;
      const resolved = resolveHref(path, href ?? '');
      if (id === undefined || resolved === undefined || files.has(id)) return;
      const properties = (attributes['properties'] ?? '').split(/\s+/);
      const mediaType = (attributes['media-type'] ?? '').toLowerCase();
      files.set(id, { path: resolved.path, mediaType, properties, fallback: attributes['fallback'] });
    },
    itemref: ({ idref = '', linear }, at) => references.push({ id: idref, isLinear: linear !== 'no', at }),
    reference: ({ type = '', href = '' }) => {
      const target = resolveHref(path, href)?.path;
      if (target !== undefined) guide.set(target, [...(guide.get(target) ?? []), type.toLowerCase()]);
    },
  };
  readBookXml(source, path, {
    open: (name, attributes, at) => {
      openers[localName(name)]?.(attributes, at);
      if (inMetadata && isText(localName(name))) text = '';
    },
    text: (more) => {
      if (text !== undefined) text += more;
    },
    close: (name) => {
      const local = localName(name);
      if (local === 'metadata') inMetadata = false;
      if (text === undefined || !isText(local)) return;
      const found = text.replace(/\s+/g, ' ').trim();
      if (found !== '') texts[local].push(found);
      text = undefined;
    },
  });
  const spine = references.map(({ id, isLinear, at }) => {
    const file = files.get(id);
    if (file !== undefined) return { file, isLinear };
    throw bookError(
      `names ${JSON.stringify(id.slice(0, 80))} in line ${at.line} of ${path}, which is not in its manifest`,
    );
  });
  if (spine.length === 0) throw bookError(`has nothing in its reading order: the spine of ${path} is empty`);
  const all = [...files.values()];
  return {
    ...{ path, files, spine, guide, authors: texts.creator, title: texts.title[0], language: texts.language[0] },
    ncx: (tocId === undefined ? undefined : files.get(tocId)) ?? all.find(isNcx),
    nav: all.find(({ properties }) => properties.includes('nav')),
  };
}

const isText = (name: string): name is (typeof TEXTS)[number] => (TEXTS as readonly string[]).includes(name);
const isNcx = ({ mediaType }: PackageFile) => mediaType === 'application/x-dtbncx+xml';

/**
 * What a link in the file `from` names: a path in the archive, and the place in that file.
 * @returns undefined for what is outside the book: another address, or a path that leaves the archive
 */
export function resolveHref(from: string, href: string): { path: string; fragment: string | undefined } | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(href) || href.startsWith('//')) return undefined;
  const [, location = '', fragment] = /^([^#?]*)(?:\?[^#]*)?(?:#(.*))?$/s.exec(href) ?? [];
  const parts = location.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of decoded(location).split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== '.' && part !== '') parts.push(part);
  }
  const path = location === '' ? from : parts.join('/');
  return { path, fragment: fragment === undefined ? undefined : decoded(fragment) };
}

/** Percent signs that encode nothing are themselves. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
