/**
 * XHTML and HTML as a run of events, by parse5's tokenizer rather than its tree: chapters of books are XHTML, in which `<title/>` and
 * `<a id="x"/>` are whole elements; an HTML tree would take everything behind them for their content. What is not well-formed is
 * read as well as it can be, never refused; what is left open is closed.
 */
import { type Token, Tokenizer, TokenizerMode } from 'parse5';
import { NarratorError } from '../core/errors.ts';

/** By name in small letters, with its prefix ('epub:type'). */
export type HtmlAttributes = ReadonlyMap<string, string>;

/** What is thrown by a handler ends the reading. Every element that is opened is closed, in order. Names are in small letters. */
export interface HtmlHandler {
  open(name: string, attributes: HtmlAttributes): void;
  /** with its entities resolved; what stands on both sides of a comment is one text */
  text(text: string): void;
  close(name: string): void;
}

/** https://html.spec.whatwg.org/multipage/syntax.html#void-elements */
const VOID = new Set(
  ['area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta', 'source', 'track', 'wbr'], //
);
/** Another one of the same name ends the one before. */
const ENDED_BY_NEXT = new Set(['p', 'li', 'dt', 'dd', 'td', 'th', 'tr', 'option']);
/** What stands in them is no markup. */
const RAW = new Map([
  ['script', TokenizerMode.SCRIPT_DATA],
  ['style', TokenizerMode.RAWTEXT],
]);
const DEPTH_MAX = 2000;

/** @param name of the document, for messages @throws NarratorError item_invalid: elements within each other without end */
export function readHtml(source: string, handler: HtmlHandler, name: string): void {
  const open: string[] = [];
  /** how often each name is open: an end tag without a beginning must not cost a search */
  const counts = new Map<string, number>();
  let pending = '';

  const closeLast = (): string => {
    const last = open.pop() as string;
    counts.set(last, (counts.get(last) ?? 1) - 1);
    handler.close(last);
    return last;
  };
  const onStartTag = ({ tagName, attrs, selfClosing, location }: Token.TagToken): void => {
    endText();
    if (ENDED_BY_NEXT.has(tagName) && open.at(-1) === tagName) closeLast();
    handler.open(tagName, new Map(attrs.map((attribute) => [attribute.name, attribute.value])));
    if (VOID.has(tagName) || selfClosing) return handler.close(tagName);
    open.push(tagName);
    counts.set(tagName, (counts.get(tagName) ?? 0) + 1);
    const mode = RAW.get(tagName);
    if (mode !== undefined) {
      tokenizer.state = mode;
      tokenizer.lastStartTagName = tagName;
    }
    if (open.length > DEPTH_MAX) {
      throw new NarratorError(
        'item_invalid',
        `Line ${location?.startLine ?? 1} of ${name} is more than ${DEPTH_MAX} elements deep.`,
        { limit: DEPTH_MAX },
      );
    }
  };
  const onEndTag = ({ tagName }: Token.TagToken): void => {
    endText();
    if ((counts.get(tagName) ?? 0) === 0) return;
    while (closeLast() !== tagName);
  };
  // The tokenizer has words and the spaces between them come one by one.
  const onText = ({ chars }: Token.CharacterToken): void => {
    pending += chars;
  };
  const endText = (): void => {
    const text = pending;
    pending = '';
    if (text !== '') handler.text(text);
  };
  const nothing = (): void => {};
  const tokenizer = new Tokenizer(
    { sourceCodeLocationInfo: true },
    {
      onStartTag,
      onEndTag,
      onCharacter: onText,
      onWhitespaceCharacter: onText,
      onNullCharacter: nothing,
      onComment: nothing,
      onDoctype: nothing,
      onEof: nothing,
    },
  );
  // XHTML has character data sections.
  tokenizer.inForeignNode = true;
  tokenizer.write(source, true);
  endText();
  while (open.length > 0) closeLast();
}
