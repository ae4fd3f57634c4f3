/** What every command works with: the clients, the names, and somebody to tell. */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ECRClient } from '@aws-sdk/client-ecr';
import { S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';

export interface Context {
  readonly deployment: string;
  readonly cloudFormation: CloudFormationClient;
  readonly ecr: ECRClient;
  readonly s3: S3Client;
  readonly sageMaker: SageMakerClient;
  readonly say: (line: string) => void;
  /** between two looks at what AWS is doing */
  readonly pollMs: number;
}

export interface ContextOptions extends Pick<Context, 'deployment' | 'say' | 'pollMs'> {
  /** default: AWS_REGION or the profile */
  readonly region?: string;
}

/** Credentials, profiles and AWS_ENDPOINT_URL (an address in place of AWS) are as the AWS SDK finds them. */
export function openContext({ region, ...rest }: ContextOptions): Context {
  // It speaks of versions of Node that are not out of date yet, on every start.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const config = { ...(region !== undefined && { region }), maxAttempts: 5 };
  return {
    ...rest,
    cloudFormation: new CloudFormationClient(config),
    ecr: new ECRClient(config),
    s3: new S3Client(config),
    sageMaker: new SageMakerClient(config),
  };
}
