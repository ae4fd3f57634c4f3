/** A stack as its users see it, and its store as only a test does. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { type Stack, STORE_BUCKET } from '../support/stack.ts';

export interface Job {
  readonly id: string;
  readonly status: string;
  readonly items: { readonly total: number; readonly succeeded: number; readonly failed: number };
  readonly percent: number;
}

export const requestHeaders = (stack: Stack) => ({ authorization: `Bearer ${stack.adminKey}` });

/** @throws AssertionError unless it succeeds */
export async function ask<T>(stack: Stack, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${stack.url}${path}`, {
    method,
    headers: { ...requestHeaders(stack), ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
}

/** A list that is one JSON document a line. */
export async function linesOf<T>(stack: Stack, path: string): Promise<T[]> {
  const response = await fetch(`${stack.url}${path}`, { headers: requestHeaders(stack) });
  const text = await response.text();
  assert.ok(response.ok, `${path}: ${response.status} ${text.slice(0, 500)}`);
  return parseLines(text);
}

export const parseLines = <T>(text: string): T[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);

/** Keys of the store that begin so. */
export function keysBelow(stack: Stack, prefix: string): string[] {
  const keys = stack.s3.keysIn(STORE_BUCKET).map((key) => key.replace(/^store\//, ''));
  return keys.filter((key) => key.startsWith(prefix));
}

/** Items of which there is a WAV file. */
export function wavsOf(stack: Stack, jobId: string): string[] {
  const files = keysBelow(stack, `jobs/${jobId}/results/`).filter((key) => key.endsWith('.wav'));
  return files.map((key) =>
    key
      .split('/')
      .at(-1)!
      .replace(/\.wav$/, ''),
  );
}

export async function until(holds: () => boolean | Promise<boolean>, withinMs: number, what: string): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, what);
    await delay(200);
  }
}
