/** Who synthesises the shards of a service where it is not this process. */
import type { BullmqDispatcher } from '../adapters/dispatch-bullmq.ts';
import type { NarratorError } from '../core/errors.ts';
import type { Dispatcher, ShardMessage } from '../core/ports.ts';
import type { Config } from './config.ts';
import type { Log } from './narrator.ts';
import type { SharedStore } from './open-store.ts';

export type OnSettled = (message: ShardMessage, error?: NarratorError) => void;

export interface RemoteShards extends Dispatcher {
  /** it counts dispatches itself, across processes, and says when a shard had its share */
  readonly countsDispatches?: true;
  /** Shards that it was handed, by state. Rejects while nobody knows. */
  depth(): Promise<Readonly<Record<string, number>>>;
  /** Whether it can be handed any. Default: `capacity` answers. @throws NarratorError that says why not */
  check?(): Promise<void>;
  /** Before anything is dispatched. @throws NarratorError config_invalid */
  listen?(): Promise<void>;
}

export interface OpenedRemote {
  readonly remote: RemoteShards;
  /** the same, where it is a queue that operators can look into */
  readonly queue?: BullmqDispatcher;
}

/** Its packages are large, and whoever has the engine in this process needs none of them: undefined there. */
export async function remoteOpener(
  config: Config,
  shared: SharedStore,
  log: Log,
): Promise<((onSettled: OnSettled) => OpenedRemote) | undefined> {
  const { dispatch, queueName } = config;
  if (dispatch.kind === 'bullmq') {
    const { BullmqDispatcher } = await import('../adapters/dispatch-bullmq.ts');
    const { redisUrl, window } = dispatch;
    return (onSettled) => {
      const queue = new BullmqDispatcher({ redisUrl, queueName, window, onSettled, log });
      return { remote: queue, queue };
    };
  }
  if (dispatch.kind === 'sagemaker') {
    const { SageMakerRoute } = await import('./sagemaker-route.ts');
    return (onSettled) => ({ remote: new SageMakerRoute({ ...config, dispatch }, { shared, onSettled, log }) });
  }
  return undefined;
}
