/** Memory of a process, and a benchmark's own child processes. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** Resident bytes of a process now (`VmRSS`) or at most so far (`VmHWM`, see proc(5)); NaN where there is no /proc. */
export function residentBytes(pid: number, what: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  if (process.platform !== 'linux') return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
}

/** CPU time of a process so far, in steps of 10 ms (`utime` and `stime` of proc(5), in the 100 ticks a second of every Linux). */
export function cpuMsOf(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN;
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return 10 * (Number(afterName[11]) + Number(afterName[12]));
}

/** Runs a module in a process of its own; what it prints is its result, as JSON. */
export async function runChild<T>(module: string, ...parameters: string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, module, ...parameters]);
  return JSON.parse(stdout) as T;
}
