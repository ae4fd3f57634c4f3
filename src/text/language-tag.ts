/** What this room reads in a BCP-47 tag: the language and, for dates, the region. */

/** 'en-GB' -> 'en' */
export function primaryTag(tag: string): string {
  const end = tag.indexOf('-');
  return (end === -1 ? tag : tag.slice(0, end)).toLowerCase();
}

/** 'en-GB' -> 'GB', 'zh-Hant-TW' -> 'TW'; undefined for 'en' and for what stands in an extension. */
function regionOf(tag: string): string | undefined {
  for (const subtag of tag.split('-').slice(1)) {
    if (subtag.length === 1) return undefined;
    if (/^(?:[A-Za-z]{2}|\d{3})$/.test(subtag)) return subtag.toUpperCase();
  }
  return undefined;
}

/**
 * Regions of English that write the month first (short dates of CLDR: the United States with their territories and neighbours
 * in usage). Canada writes both orders; its style guides ask for ISO 8601 because of that, and 'en-CA' is left month first.
 */
const MONTH_FIRST = new Set(['US', 'AS', 'GU', 'MH', 'MP', 'PR', 'UM', 'VI', 'PH', 'CA']);

/** Is 3/4/2026 the third of April? Not in plain 'en', which is American. */
export function readsDayFirst(tag: string): boolean {
  const region = regionOf(tag);
  return region !== undefined && !MONTH_FIRST.has(region);
}
