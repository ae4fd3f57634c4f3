/** Prints what would be said beside what is written, segment by segment: for reading through before anything is narrated. */
import type { ItemPart } from '../core/shard.ts';

/** The lines for an item, or for a part of one that goes on in the next. */
export function* textLines(part: ItemPart): Generator<string> {
  if (part.firstSegment === 0) yield `${part.item} (line ${part.line}, voice ${part.voice.id})`;
  for (const [index, segment] of part.segments.entries()) {
    const { written = segment.text, text, language, pauseAfterMs, silent, voice, speed } = segment;
    const number = String(part.firstSegment + index + 1).padStart(4);
    const unchanged = written === text;
    const manner = [language, voice?.id, speed === undefined ? undefined : `speed ${speed}`];
    yield `${number} ${manner.filter((one) => one !== undefined).join(' ')} | ${oneLine(written)}`;
    if (!unchanged) yield `       -> | ${text}`;
    const remarks = [
      pauseAfterMs > 0 ? `pause ${pauseAfterMs} ms` : '',
      silent === undefined ? '' : `not said: ${silent}`,
    ].filter((remark) => remark !== '');
    if (remarks.length > 0) yield `          | ${remarks.join('; ')}`;
  }
  const { unknownCharacters = [] } = part;
  if (unknownCharacters.length > 0) yield `          | unknown to the model, not heard: ${unknownCharacters.join(' ')}`;
}

/** What a terminal would obey or not show is written as JSON writes it. */
function oneLine(text: string): string {
  return text
    .replace(/\r\n|\n/g, ' ⏎ ')
    .replace(/[\p{Cc}\p{Cf}]/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** The same for programs: one object an item part. */
export function textRecord({ line, item, voice, firstSegment, segments, unknownCharacters }: ItemPart) {
  return {
    line,
    item,
    voice: voice.id,
    firstSegment,
    segments: segments.map(({ text, written = text, language, pauseAfterMs, silent, voice: own, speed }) => ({
      written,
      spoken: text,
      language,
      voice: own?.id,
      speed,
      pauseAfterMs,
      silent,
    })),
    unknownCharacters,
  };
}
