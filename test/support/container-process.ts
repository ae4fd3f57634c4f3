/** A container process on a port of this machine, for tests and for an emulator of what stands before it. */
import { join } from 'node:path';
import type { ErrorCode } from '../../src/core/errors.ts';
import { Restartable } from './child-process.ts';
import { freePort } from './free-port.ts';
import { LOADER, ROOT } from './narrator-entry.ts';
import type { S3Emulator } from './s3-emulator.ts';
import type { StandInOptions } from './stand-in-engine.ts';

export interface ContainerChildSettings {
  /** an engine in place of the model */
  readonly standIn?: StandInOptions;
  /** the model itself, with the batches of a GPU on the CPU */
  readonly batches?: boolean;
  /** that loading takes longer */
  readonly loadMs?: number;
  /** what a segment ends with whose text holds this. After `engine_crashed` the engine does not start again. */
  readonly failures?: Readonly<Record<string, ErrorCode>>;
  /** see ContainerParts */
  readonly cancelIntervalMs?: number;
  readonly graceMs?: number;
}

/** For node: the container with whatever engine CONTAINER_CHILD names. */
export const CONTAINER_CHILD: readonly string[] = [...LOADER, join(import.meta.dirname, 'container.child.ts')];
/** For node: the container as it is. */
export const CONTAINER_ENTRY: readonly string[] = [...LOADER, join(ROOT, 'container/main.ts')];

export interface ContainerProcess {
  readonly url: string;
  readonly process: Restartable;
  /** lines of its log, parsed, that have this event */
  readonly logged: (event: string) => Record<string, unknown>[];
}

/** What a container needs to keep jobs in the emulator's bucket, below `store/`. */
export function storeSettings({ endpoint }: Pick<S3Emulator, 'endpoint'>, bucket = 'narrator'): Record<string, string> {
  return {
    NARRATOR_STORE: `s3://${bucket}/store`,
    NARRATOR_S3_ENDPOINT: endpoint,
    NARRATOR_S3_PATH_STYLE: 'true',
    NARRATOR_S3_REGION: 'us-east-1',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'emulator',
    AWS_SECRET_ACCESS_KEY: 'emulator',
  };
}

/** @param options.settings undefined: the container as it is. Resolves once /ping answers with 200, or at once if `whenReady` is false. */
export async function startContainer(options: {
  readonly settings?: ContainerChildSettings;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly whenReady?: boolean;
}): Promise<ContainerProcess> {
  const { settings, env = {}, args = [], whenReady = true } = options;
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const inherited = Object.entries(process.env).filter(([name]) => !/^(NARRATOR_|NODE_|AWS_|SAGEMAKER_)/.test(name));
  const child = new Restartable({
    name: 'container',
    args: [...(settings === undefined ? CONTAINER_ENTRY : CONTAINER_CHILD), ...args],
    env: {
      ...Object.fromEntries(inherited),
      NARRATOR_HOST: '127.0.0.1',
      SAGEMAKER_BIND_TO_PORT: port,
      CONTAINER_CHILD: JSON.stringify(settings ?? {}),
      ...env,
    },
    isReady: async () => {
      const status = await pinged(url);
      return whenReady ? status === 200 : status !== undefined;
    },
  });
  await child.up();
  return { url, process: child, logged: (event) => linesOf(child.output).filter((line) => line['event'] === event) };
}

/** @returns the status of GET /ping; undefined while nobody listens */
export async function pinged(url: string): Promise<number | undefined> {
  try {
    const answer = await fetch(`${url}/ping`);
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return undefined;
  }
}

function linesOf(output: string): Record<string, unknown>[] {
  return output.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      // The first line may be cut, and the last one is still being written.
      return [];
    }
  });
}
