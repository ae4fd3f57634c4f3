import { readFile, readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/**
 * Physical cores that this process may use: two threads on the two halves of one core only get in each other's way in a
 * matrix product. Linux tells which CPUs share a core; elsewhere every CPU counts as one. Never more than the CPUs that
 * affinity allows, nor than a container's CPU limit pays for: threads beyond it spend the quota on waiting for each other.
 */
export async function physicalCores(system = '/sys'): Promise<number> {
  const cpus = availableParallelism();
  const [cores, quota] = await Promise.all([coresOf(cpus, system), cpuQuota(system)]);
  return Math.max(1, Math.min(cores, Math.ceil(quota)));
}

async function coresOf(cpus: number, system: string): Promise<number> {
  try {
    const folder = `${system}/devices/system/cpu`;
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

/**
 * CPUs' worth of time that this container is given, Infinity where nothing limits it. Containers see their own group as the
 * root: https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max), and cgroup-v1 (cpu.cfs_quota_us, -1 for no limit).
 */
async function cpuQuota(system: string): Promise<number> {
  const folder = `${system}/fs/cgroup`;
  const read = (name: string) => readFile(`${folder}/${name}`, 'utf8').catch(() => undefined);
  const unified = await read('cpu.max');
  const [quota, period] =
    unified === undefined
      ? await Promise.all([read('cpu/cpu.cfs_quota_us'), read('cpu/cpu.cfs_period_us')])
      : unified.trim().split(' ');
  const cpus = Number(quota) / Number(period);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}
