/** Checks of machine, model and folders, each on its own: one that fails does not hide the others. */
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { toNarratorError } from '../core/errors.ts';
import { modelFiles, verifyModel } from '../engine/f5/model-directory.ts';
import { listProviders, runtimeVersion } from '../engine/f5/session.ts';
import type { Config } from './config.ts';
import type { Narrator } from './narrator.ts';

export interface Check {
  readonly name: string;
  /** 'note': works, but worth knowing */
  readonly state: 'good' | 'note' | 'bad';
  readonly message: string;
  readonly hint?: string;
}

type Finding = Omit<Check, 'name'> | string;

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
/** An hour of results at 16 bits, and its segments. */
const LOW_DISK_BYTES = 1e9;

/** @param with_.open opens the narrator of this configuration; who passes it closes it */
export async function diagnose(
  config: Config,
  with_: { readonly open: () => Promise<Narrator>; readonly signal: AbortSignal },
): Promise<Check[]> {
  const checks: Check[] = [];
  const check = async (name: string, look: () => Finding | Promise<Finding>): Promise<void> => {
    try {
      const finding = await look();
      checks.push(typeof finding === 'string' ? { name, state: 'good', message: finding } : { name, ...finding });
    } catch (thrown) {
      const error = toNarratorError(thrown);
      checks.push({ name, state: 'bad', message: error.message, hint: error.hint });
    }
  };

  await check('node', () => `${process.versions.node} on ${process.platform} ${process.arch}`);
  await check('machine', () => {
    const [cpu] = cpus();
    return `${availableParallelism()} × ${cpu?.model.trim() ?? 'unknown CPU'}; ${gibibytes(totalmem())}, ${gibibytes(freemem())} of it free`;
  });
  await check('runtime', () => `ONNX Runtime ${runtimeVersion}`);
  await check('providers', async () => {
    const providers = await listProviders();
    if (providers.includes('cuda')) return providers.join(', ');
    const missing = 'cpu; no CUDA (on Linux x64: npm run cuda:install, with CUDA 12 and cuDNN 9)';
    return { state: config.provider === 'cuda' ? 'bad' : 'note', message: missing };
  });
  await check('home', async () => {
    await mkdir(config.home, { recursive: true });
    await access(config.home, constants.W_OK);
    const { bavail, bsize } = await statfs(config.home);
    const message = `${config.home}, ${gibibytes(bavail * bsize)} free`;
    return bavail * bsize < LOW_DISK_BYTES ? { state: 'note', message } : message;
  });

  let narrator: Narrator | undefined;
  await check('model', async () => {
    narrator = await with_.open();
    const { description, directory, digest } = narrator.model;
    await verifyModel(directory);
    const bytes = modelFiles(description).reduce((sum, file) => sum + file.bytes, 0);
    return `${description.id} (${digest.slice(0, 12)}), ${(bytes / 1e6).toFixed(0)} MB, every checksum right; licence ${description.licence.name}; ${directory}`;
  });
  const opened = narrator;
  if (opened === undefined) return checks;
  await check('voices', async () => {
    const names = (await opened.voices.list()).map(({ id }) => id);
    return names.length > 0
      ? names.join(', ')
      : { state: 'note', message: 'none: add one with `narrator voices add`, or use --ref-audio' };
  });
  await check('engine', async () => {
    const { provider, precision, threads } = await opened.start();
    return `loaded on ${provider}, ${precision}, ${threads} threads`;
  });
  if ((await opened.voices.list()).length > 0) {
    await check('speed', async () => {
      const factor = await opened.measureSpeed({}, with_.signal);
      return `real-time factor ${factor.toFixed(2)}: an hour of audio takes ${Math.round(factor * 60)} minutes`;
    });
  }
  return checks;
}
