/** SageMaker Asynchronous Inference on one machine: one endpoint behind the addresses of both services. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Account, InvocationView } from './account.ts';
import { Aws, type NotificationTarget } from './aws.ts';
import { Chance } from './chance.ts';
import type { ContainerCommand } from './container-process.ts';
import { Endpoint } from './endpoint.ts';
import type { InstanceView } from './instance.ts';
import { createEmulatorServer } from './server.ts';
import { initialKnobs, isKnob, type Knobs, readKnobs } from './settings.ts';

/** Everything but where results go has a default; knobs can be turned later too. */
export interface SageMakerEmulatorOptions extends Partial<Knobs> {
  /** name of the endpoint */
  readonly endpoint: string;
  /** addresses of emulators; default: AWS */
  readonly s3?: string;
  readonly sqs?: string;
  readonly sns?: string;
  readonly region?: string;
  /** the most instances (with `command`; default 1), or the addresses of containers that run, one an instance */
  readonly instances: number | readonly string[];
  /** starts a container; SAGEMAKER_BIND_TO_PORT tells it its port */
  readonly command?: ContainerCommand;
  /** s3://bucket/prefix of the responses */
  readonly outputPath: string;
  /** s3://bucket/prefix of what containers say when they fail; default: that is not kept */
  readonly failurePath?: string;
  /** ARNs; without one nobody is told */
  readonly successTopic?: string;
  readonly errorTopic?: string;
  /** the queue that is subscribed to both topics: this program then does what SNS would. Default: SNS does it */
  readonly queueUrl?: string;
  /** how that queue is subscribed: without SNS's envelope */
  readonly rawDelivery?: boolean;
  /** real seconds that one second of the endpoint takes: of its timeouts, pings, and the time that SIGTERM leaves. Default 1 */
  readonly timeScale?: number;
  /** repeats its choices. Default: another one every time */
  readonly seed?: number;
  readonly host?: string;
  /** default: any free one */
  readonly port?: number;
  readonly log?: (event: string, fields: Record<string, unknown>) => void;
}

export interface SageMakerEmulator {
  /** of the runtime and of SageMaker itself */
  readonly url: string;
  readonly seed: number;
  /** by CloudWatch's names */
  readonly metrics: () => Record<string, number>;
  readonly instances: () => readonly InstanceView[];
  /** every submission that was accepted, in their order */
  readonly invocations: () => readonly InvocationView[];
  /** how often what went wrong */
  readonly faults: () => Account['faults'];
  /** @throws Error that names the knob and what it takes */
  readonly configure: (knobs: Partial<Knobs>) => void;
  /** SIGKILL at once, or SIGTERM and SIGKILL 30 s later. Resolves once it is gone. @throws RangeError */
  readonly killInstance: (index: number, signal?: 'SIGKILL' | 'SIGTERM') => Promise<void>;
  /** What it started is ended. Idempotent. */
  readonly close: (signal?: 'SIGKILL' | 'SIGTERM') => Promise<void>;
}

const REGION = 'us-east-1';

/** @throws Error that says which option is wrong */
export async function startSageMakerEmulator(options: SageMakerEmulatorOptions): Promise<SageMakerEmulator> {
  const { host = '127.0.0.1', port = 0, seed = Date.now() % 1_000_000, log = () => undefined } = options;
  const { region = REGION, timeScale = 1, instances, command, outputPath, failurePath } = options;
  for (const path of [outputPath, failurePath]) {
    if (path !== undefined && !/^s3:\/\/[^/]+/.test(path)) throw new Error(`${path} is not s3://bucket[/prefix].`);
  }
  if (!(timeScale > 0)) throw new Error(`timeScale is ${timeScale}; it must be above 0.`);
  const containers = containersOf(instances, command);
  const knobs = { ...initialKnobs(), ...knobsIn(options) };
  const aws = new Aws({ ...addressesOf(options), region });
  const endpoint = new Endpoint({
    ...{ name: options.endpoint, region, aws, log, outputPath, failurePath, containers, knobs },
    instancesMax: typeof instances === 'number' ? instances : instances.length,
    successTarget: targetOf(options.successTopic, options),
    errorTarget: targetOf(options.errorTopic, options),
    secondMs: 1000 * timeScale,
    chance: new Chance(seed),
  });
  const server = createEmulatorServer(endpoint).listen(port, host);
  let closed: Promise<void> | undefined;
  const close = async (signal: 'SIGKILL' | 'SIGTERM') => {
    server.closeAllConnections();
    server.close();
    await endpoint.close(signal);
    aws.close();
  };
  try {
    await once(server, 'listening');
    await endpoint.tryTopics();
  } catch (error) {
    await close('SIGKILL');
    throw error;
  }
  return {
    url: `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${(server.address() as AddressInfo).port}`,
    seed,
    metrics: () => endpoint.metrics(),
    instances: () => endpoint.fleet.views,
    invocations: () => endpoint.account.invocations,
    faults: () => endpoint.account.faults,
    configure: (knobs) => void Object.assign(endpoint.knobs, readKnobs(knobs)),
    killInstance: (index, signal = 'SIGKILL') => endpoint.fleet.kill(index, signal),
    close: (signal = 'SIGKILL') => (closed ??= close(signal)),
  };
}

function containersOf(
  instances: number | readonly string[],
  command: ContainerCommand | undefined,
): ContainerCommand | readonly string[] {
  if (typeof instances !== 'number') return instances;
  if (command === undefined)
    throw new Error('Without a command to start containers, instances must be their addresses.');
  return command;
}

function addressesOf({ s3, sqs, sns }: SageMakerEmulatorOptions) {
  return { ...(s3 !== undefined && { s3 }), ...(sqs !== undefined && { sqs }), ...(sns !== undefined && { sns }) };
}

function targetOf(
  topic: string | undefined,
  { queueUrl, rawDelivery = false }: SageMakerEmulatorOptions,
): NotificationTarget | undefined {
  if (topic === undefined) return undefined;
  return { topic, raw: rawDelivery, ...(queueUrl !== undefined && { queueUrl }) };
}

function knobsIn(options: SageMakerEmulatorOptions): Partial<Knobs> {
  return readKnobs(Object.fromEntries(Object.entries(options).filter(([name]) => isKnob(name))));
}
