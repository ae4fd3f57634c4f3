import type { Context } from '../aws/context.ts';
import { readOutputs } from '../aws/read-stack.ts';
import { endpointName, METRIC_NAMESPACE } from '../stacks/names.ts';

/** What a server outside of AWS needs to work with this deployment, as a shell reads it; docs/configuration.md explains each. */
export async function settings(context: Context): Promise<string[]> {
  const output = await readOutputs(context, 'base');
  const region = output('Region');
  return Object.entries({
    NARRATOR_STORE: output('StoreUrl'),
    NARRATOR_S3_REGION: region,
    NARRATOR_BUCKETS: output('ManifestPlace'),
    NARRATOR_MANIFEST_QUEUE_URL: output('ManifestQueueUrl'),
    NARRATOR_DISPATCH: 'sagemaker',
    NARRATOR_SAGEMAKER_ENDPOINT: endpointName(context.deployment),
    NARRATOR_SAGEMAKER_REGION: region,
    NARRATOR_SAGEMAKER_QUEUE_URL: output('ResultQueueUrl'),
    NARRATOR_METRIC_NAMESPACE: METRIC_NAMESPACE,
  }).map(([name, value]) => `${name}=${value}`);
}
