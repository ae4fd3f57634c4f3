/** Digests of values: the same value gives the same digest, whatever the order in which its properties were set. */
import { hash } from 'node:crypto';

/**
 * JSON with sorted keys and no white space, after RFC 8785: numbers and strings as ECMAScript writes them, properties
 * that are undefined left out. Plain data only.
 * @throws TypeError for what JSON cannot carry (NaN, infinities, functions, bigint)
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((entry) => canonicalJson(entry)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    // Twice for each segment of a plan: strings are joined as they come.
    let properties = '';
    for (const name of Object.keys(value).sort()) {
      const entry = (value as Readonly<Record<string, unknown>>)[name];
      if (entry === undefined) continue;
      properties += `${properties === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(entry)}`;
    }
    return `{${properties}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`JSON has no ${value}`);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`);
  return text;
}

/** @returns 64 lower-case hexadecimal digits */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data);
}
