/** What texts may be written in, and what each form comes to. */
import type { Markup } from '../core/manifest.ts';
import type { VoicesNamed } from '../core/ports.ts';
import { readMarkdown } from './markdown.ts';
import { readTaggedText, TagReader } from './markup-tags.ts';
import { type MarkedText, placeIn, unmarked } from './spans.ts';
import { readSsml } from './ssml.ts';
import { VoiceNames } from './voice-names.ts';

/**
 * @param isVoice whether a name that may be text is a voice
 * @throws NarratorError item_invalid, with line and column, for markup that cannot be understood
 */
export function readMarkup(source: string, markup: Markup, isVoice: (name: string) => boolean): MarkedText {
  return read(source, markup, new VoiceNames(source, isVoice));
}

function read(source: string, markup: Markup, voices: VoiceNames): MarkedText {
  switch (markup) {
    case 'none':
      return unmarked(source);
    case 'tags':
      return readTaggedText(source, new TagReader(source, voices));
    case 'markdown':
      return readMarkdown(source, new TagReader(source, voices));
    case 'ssml':
      return readSsml(source, voices);
  }
}

/** What every form has where it names a voice. */
const MAY_NAME_VOICES: Readonly<Record<Exclude<Markup, 'none'>, RegExp>> = {
  tags: /^[ \t]{0,100}\[|\[voice:/m,
  markdown: /^[^\p{L}\n\r[]{0,100}\[|\[voice:/mu,
  ssml: /<voice/,
};

/** The voices that a text names, each once. Most texts name none, and are not read for it. @throws as readMarkup */
export const voicesNamed: VoicesNamed = (text, markup) => {
  if (markup === 'none' || !MAY_NAME_VOICES[markup].test(text)) return [];
  const source = wellFormed(text);
  const voices = new VoiceNames(source, () => false);
  read(source, markup, voices);
  return Array.from(voices.named, ({ name, offset, mayBeText }) =>
    mayBeText ? { name } : { name, place: placeIn(source, offset) },
  );
};

/** Lone surrogates as U+FFFD; the length stays. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\ufffd');
}
