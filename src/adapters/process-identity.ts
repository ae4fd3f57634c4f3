/** Names of processes that outlive their ids: for files of which it must be known whether their owner still lives. */
import { readFile } from 'node:fs/promises';
import { errorCode } from './file-errors.ts';

/**
 * `<pid>-<start time>` of a process of this machine. Ids are used again, start times are not; where the system does not tell
 * them (not Linux) it is 0. Undefined if there is no such process.
 */
async function identityOf(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's
    if (errorCode(error) === 'ESRCH') return undefined;
  }
  return `${pid}-${await startTimeOf(pid)}`;
}

/** In clock ticks since the machine was started: field 22 of proc_pid_stat(5). The second may hold spaces and brackets. */
async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[19] ?? '0';
}

export async function ownIdentity(): Promise<string> {
  return (await identityOf(process.pid)) ?? `${process.pid}-0`;
}

/** Whether the process with this identity still runs, on this machine. */
export async function isAlive(identity: string): Promise<boolean> {
  const pid = Number(/^(\d{1,10})-\d+$/.exec(identity)?.[1]);
  return Number.isSafeInteger(pid) && pid > 0 && (await identityOf(pid)) === identity;
}
