import { readFile, readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/**
 * Physical cores that this process may use: two threads on the two halves of one core only get in each other's way in a
 * matrix product. Linux tells which CPUs share a core; elsewhere every CPU counts as one. Never more than the CPUs that
 * affinity allows.
 */
export async function physicalCores(): Promise<number> {
  const cpus = availableParallelism();
  try {
    const folder = '/sys/devices/system/cpu';
    const names = (await readdir(folder)).filter((name) => /^cpu\d+$/.test(name));
    const siblings = await Promise.all(
      names.map((name) => readFile(`${folder}/${name}/topology/thread_siblings_list`, 'utf8')),
    );
    const threadsPerCore = names.length / new Set(siblings).size;
    return Math.max(1, Math.round(cpus / threadsPerCore));
  } catch {
    return cpus;
  }
}
