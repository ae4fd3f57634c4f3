/** What becomes of a text with markup, in few words. */
import assert from 'node:assert/strict';
import type { Markup } from '../../../src/core/manifest.ts';
import { NarratorError } from '../../../src/core/errors.ts';
import { type SegmentOptions, segmentText } from '../../../src/text/segment-text.ts';

export const VOICES = new Map([
  ['anna', { language: 'en' }],
  ['ben', { language: 'en' }],
  ['mei', { language: 'zh' }],
]);

const segments = (text: string, markup: Markup, options: Partial<SegmentOptions> = {}) =>
  segmentText(text, { language: 'auto', fallback: 'en', maxBytes: 200, markup, voices: VOICES, ...options });

/** 'anna 0.8: what she says', in order; without a voice and a speed where they are the item's. */
export function said(text: string, markup: Markup, options?: Partial<SegmentOptions>): string[] {
  return segments(text, markup, options).map(({ spoken, voice, speed }) => {
    const manner = [voice, speed].filter((one) => one !== undefined).join(' ');
    return manner === '' ? spoken : `${manner}: ${spoken}`;
  });
}

/** Pauses in milliseconds, in order. */
export const pauses = (text: string, markup: Markup) => segments(text, markup).map(({ pauseAfterMs }) => pauseAfterMs);

/** What each segment covers of the text, in order. */
export const written = (text: string, markup: Markup) => segments(text, markup).map((segment) => segment.written);

/** The text is an error at this place, which says this. */
export function assertRefused(text: string, markup: Markup, place: string, message: RegExp): void {
  assert.throws(
    () => segments(text, markup),
    (error) => {
      assert.ok(error instanceof NarratorError, String(error));
      assert.ok(['item_invalid', 'voice_not_found'].includes(error.code), `${text}: ${error.code} ${error.message}`);
      const [line, column] = place.split(':');
      assert.ok(error.message.startsWith(`Line ${line}, column ${column} of the text `), `${text}: ${error.message}`);
      assert.match(error.message, message, text);
      assert.equal(error.details.field, 'text');
      return true;
    },
  );
}
