/** Addresses of the net, as people read them out: 'example dot com slash docs', 'example点com斜杠docs'. */
import { rule, type Rule } from './rule.ts';

/** How a language reads them out. */
export interface AddressWords {
  readonly signs: Readonly<Record<string, string>>;
  readonly number: (digits: string) => string;
  /** between the words */
  readonly gap: string;
  /** said for 'www.' */
  readonly www: string;
}

const HOST = '(?:[A-Za-z0-9-]{1,63}\\.){1,4}';
const KNOWN_DOMAIN = '(?:com|org|net|edu|gov|io|info|co|uk|de|fr|eu|cn|jp)';
/** ends before the punctuation of its sentence */
const PATH = '(?:[/?#][A-Za-z0-9._~:/?#@!$&*+,;=%-]{0,500}(?<![.,;:!?]))?';

/** Tried at a letter. */
export function addressRules(words: AddressWords): Rule[] {
  const readOut = (address: string): string =>
    Array.from(address.matchAll(/[A-Za-z]+|\d+|[^A-Za-z\d]/g), ([part]) =>
      /^[A-Za-z]/.test(part) ? part : /^\d/.test(part) ? words.number(part) : (words.signs[part] ?? ''),
    )
      .filter((part) => part !== '')
      .join(words.gap);
  /** Host and path. Nobody follows a query, and nobody says 'http'. */
  const page = ([address]: RegExpExecArray): string => {
    const [place = ''] = address.replace(/^[a-z]+:\/\/(?:www\.)?/i, '').split(/[?#]/, 1);
    const spoken = readOut(place.replace(/^www\./, '').replace(/\/$/, ''));
    return place.startsWith('www.') ? words.www + spoken : spoken;
  };
  return [
    rule(`(?:https?|ftp)://[A-Za-z0-9.-]{1,253}(?::\\d{1,5})?(?<![.:-])${PATH}`, page),
    rule(`[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@${HOST}[A-Za-z]{2,24}`, ([address]) => readOut(address)),
    rule(`${HOST}${KNOWN_DOMAIN}(?![A-Za-z])(?:\\.${KNOWN_DOMAIN}(?![A-Za-z]))?${PATH}`, page),
  ];
}

/** '192.168.0.1' */
export const IP_ADDRESS = '(?:\\d{1,3}\\.){3}\\d{1,3}(?![.\\d])';
