/** The names that stacks, commands and the service have to agree on. Everything else is named by CloudFormation. */

export const STACKS = ['base', 'endpoint', 'service', 'realtime'] as const;
export type StackKind = (typeof STACKS)[number];

/** Room for what is put behind it: names of endpoints and buckets end at 63 characters. */
export const DEPLOYMENT = /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/;

export const stackName = (deployment: string, kind: StackKind) => `${deployment}-${kind}`;
/** of the asynchronous endpoint: what NARRATOR_SAGEMAKER_ENDPOINT names */
export const endpointName = (deployment: string) => deployment;
export const realtimeName = (deployment: string) => `${deployment}-tts`;

/** One production variant: SageMaker asks for a name. */
export const VARIANT = 'main';

/** What the control loop publishes, see docs/configuration.md: NARRATOR_METRIC_NAMESPACE. */
export const METRIC_NAMESPACE = 'f5-narrator';
export const IN_FLIGHT_METRIC = 'InFlightShards';

/** Folders of the bucket. */
export const PREFIXES = {
  /** the ledger, voices and results: NARRATOR_STORE */
  store: 'store/',
  /** manifests, and results beside them: NARRATOR_BUCKETS */
  manifests: 'manifests/',
  models: 'models/',
  /** SageMaker's own receipts of invocations; the truth is in the ledger */
  receipts: 'async/out/',
  failures: 'async/failed/',
} as const;

/** Targets of the Dockerfile that are deployed; tags begin with them. */
export const IMAGE_TARGETS = ['sagemaker', 'api'] as const;
export type ImageTarget = (typeof IMAGE_TARGETS)[number];

export const DIGEST = /^sha256:[0-9a-f]{64}$/;
