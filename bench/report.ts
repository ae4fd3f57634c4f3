/** What every benchmark prints: the machine, and tables whose figures were measured side by side in one run. */
import { arch, cpus, platform, release, totalmem } from 'node:os';

export interface BenchOptions {
  /** a rough figure in a short time: to see that a benchmark still works */
  readonly quick: boolean;
}

export function describeMachine(): string {
  const [cpu] = cpus();
  return `${cpu?.model.trim() ?? 'unknown CPU'}, ${cpus().length} logical cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()} ${arch()}, Node ${process.versions.node}`;
}

/** A Markdown table: printed by the benchmarks, pasted into docs/performance.md as it is. */
export function printTable(
  title: string,
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  console.log(`\n### ${title}\n`);
  console.log(line(header));
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  for (const row of cells.slice(1)) console.log(line(row));
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;

export const thousands = (value: number): string => Math.round(value).toLocaleString('en-GB');

export const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
