/**
 * What people see: results on standard output, progress and messages on standard error. Progress is drawn only on a
 * terminal; anywhere else the commands are quiet, so that logs and pipes stay clean.
 */
import type { ErrorCode, NarratorError } from '../core/errors.ts';

export interface Terminal {
  /** results: standard output */
  print(line: string): void;
  /** remarks: standard error */
  note(line: string): void;
  /** replaces the progress line; nothing unless standard error is a terminal */
  progress(line: string): void;
  /** removes the progress line, before anything else is written */
  clearProgress(): void;
  readonly interactive: boolean;
}

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export function createTerminal(output: Stream = process.stdout, messages: Stream = process.stderr): Terminal {
  const interactive = messages.isTTY === true;
  let drawn = false;
  const clearProgress = () => {
    if (drawn) messages.write('\r\u001b[K');
    drawn = false;
  };
  return {
    interactive,
    clearProgress,
    print(line) {
      clearProgress();
      output.write(`${line}\n`);
    },
    note(line) {
      clearProgress();
      messages.write(`${line}\n`);
    },
    progress(line) {
      if (!interactive) return;
      messages.write(`\r\u001b[K${line.slice(0, (messages.columns ?? 80) - 1)}`);
      drawn = true;
    },
  };
}

/** 83.4 → '1:23', 4000 → '1:06:40' */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const shown = parts[0]! > 0 ? parts : parts.slice(1);
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** 1337 → '1.3 kB'; decimal units, as disks and hubs count */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[power]}`;
}

export function formatBar(share: number, width = 24): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `[${'█'.repeat(filled)}${'·'.repeat(width - filled)}]`;
}

/** Left-aligned columns, two spaces apart; no trailing spaces. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** An error as people read it: where, what is wrong, and what to do. Messages about a line say so themselves. */
export function formatError({ message, hint, code, details: { item, field } }: NarratorError): string {
  const place = [item === undefined ? '' : `item ${item}`, field ?? ''].filter((part) => part !== '').join(', ');
  return `${place === '' ? '' : `[${place}] `}${message}\n  ${hint} (${code})`;
}

/**
 * Exit codes, part of the public contract: 0 everything done, 1 failed, 2 wrong use or configuration,
 * 3 finished but some items failed, 130 and 143 interrupted by SIGINT and SIGTERM.
 */
export const EXIT = { whole: 0, failed: 1, usage: 2, partial: 3 } as const;

export function exitCodeOf(code: ErrorCode): number {
  return code === 'usage' || code === 'config_invalid' ? EXIT.usage : EXIT.failed;
}
