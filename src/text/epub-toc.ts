/** Tables of contents: navigation documents of EPUB 3, and NCX of EPUB 2. */
import { readBookXml, resolveHref } from './epub-package.ts';
import { localName } from './read-xml.ts';
import { type HtmlAttributes, readHtml } from './read-html.ts';

export interface TocEntry {
  readonly title: string;
  /** of the file, in the archive */
  readonly path: string;
  /** id of the element in it where the chapter begins */
  readonly fragment: string | undefined;
  /** 1 for what stands within nothing */
  readonly depth: number;
}

export interface Toc {
  /** in the order of the table */
  readonly entries: readonly TocEntry[];
  /** what a file is ('toc', 'titlepage'), by its path; see html-elements.ts */
  readonly landmarks: ReadonlyMap<string, readonly string[]>;
}

/** https://www.w3.org/TR/epub-33/#sec-nav-def-model @param path of the document */
export function readNav(source: string, path: string): Toc {
  const entries: TocEntry[] = [];
  const landmarks = new Map<string, string[]>();
  let nav: string | undefined;
  let depth = 0;
  let link: { href: string; type: string; text: string } | undefined;

  const endLink = (): void => {
    const target = link && resolveHref(path, link.href);
    const title = link?.text.replace(/\s+/g, ' ').trim() ?? '';
    if (link !== undefined && target !== undefined) {
      if (nav === 'toc') entries.push({ title, ...target, depth: Math.max(1, depth) });
      if (nav === 'landmarks') {
        const types = link.type.toLowerCase().split(/\s+/);
        landmarks.set(target.path, [...(landmarks.get(target.path) ?? []), ...types]);
      }
    }
    link = undefined;
  };
  const open = (name: string, attributes: HtmlAttributes): void => {
    const type = attributes.get('epub:type') ?? '';
    if (name === 'nav') {
      nav = type
        .toLowerCase()
        .split(/\s+/)
        .find((one) => one === 'toc' || one === 'landmarks');
      depth = 0;
    } else if (name === 'ol' || name === 'ul') depth += 1;
    else if (name === 'a' && nav !== undefined) link = { href: attributes.get('href') ?? '', type, text: '' };
    else if (name === 'img' && link !== undefined) link.text += attributes.get('alt') ?? '';
  };
  const close = (name: string): void => {
    if (name === 'nav') nav = undefined;
    else if (name === 'ol' || name === 'ul') depth -= 1;
    else if (name === 'a') endLink();
  };
  const text = (more: string): void => {
    if (link !== undefined) link.text += more;
  };
  readHtml(source, { open, close, text }, path);
  return { entries, landmarks };
}

/** https://daisy.org/activities/standards/daisy/daisy-3/z39-86-2005-r2012-specifications-for-the-digital-talking-book/ */
export function readNcx(source: string, path: string): Toc {
  const points: { title: string; target: ReturnType<typeof resolveHref>; depth: number }[] = [];
  const open: (typeof points)[number][] = [];
  let isLabel = false;
  readBookXml(source, path, {
    open: (name, { src = '' }) => {
      const local = localName(name);
      const point = open.at(-1);
      if (local === 'navPoint') {
        const next = { title: '', target: undefined, depth: open.length + 1 };
        points.push(next);
        open.push(next);
      } else if (local === 'navLabel') isLabel = true;
      else if (local === 'content' && point !== undefined) point.target ??= resolveHref(path, src);
    },
    text: (more) => {
      const point = open.at(-1);
      if (isLabel && point !== undefined) point.title += more;
    },
    close: (name) => {
      const local = localName(name);
      if (local === 'navPoint') open.pop();
      else if (local === 'navLabel') isLabel = false;
    },
  });
  const entries = points.flatMap(({ title, target, depth }) =>
    target === undefined ? [] : [{ title: title.replace(/\s+/g, ' ').trim(), ...target, depth }],
  );
  return { entries, landmarks: new Map() };
}
