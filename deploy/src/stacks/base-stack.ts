/** What lies still and costs next to nothing: bucket, images, queues, topics, roles. It outlives every endpoint. */
import { CfnOutput, CfnParameter, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type * as ecr from 'aws-cdk-lib/aws-ecr';
import type * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { bucketNameOf, narratorBucket } from './bucket.ts';
import { endpointName, PREFIXES, realtimeName } from './names.ts';
import { type QueuePair, queuePair, type ResultTopics, resultTopics } from './queues.ts';
import { imageRepository } from './repository.ts';
import { executionRole, submitterPolicy, submitterRole } from './roles.ts';

export interface BaseStackProps extends StackProps {
  readonly deployment: string;
}

export class BaseStack extends Stack {
  readonly bucket: s3.Bucket;
  readonly repository: ecr.Repository;
  readonly manifests: QueuePair;
  readonly results: QueuePair;
  readonly topics: ResultTopics;
  readonly execution: iam.Role;
  readonly submitter: iam.Role;

  constructor(scope: Construct, id: string, { deployment, ...props }: BaseStackProps) {
    super(scope, id, props);
    const segmentDays = new CfnParameter(this, 'SegmentDays', {
      type: 'Number',
      default: 30,
      minValue: 7,
      description: 'days after which synthesised segments, a cache, are deleted',
    });
    this.manifests = queuePair(this, 'Manifests');
    this.results = queuePair(this, 'Results');
    this.topics = resultTopics(this, this.results);
    this.repository = imageRepository(this);
    this.bucket = narratorBucket(this, {
      bucketName: bucketNameOf(deployment),
      segmentDays: segmentDays.valueAsNumber,
      manifests: this.manifests.queue,
    });
    const { bucket, repository, topics, results, manifests } = this;
    const options = { deployment, bucket, repository, topics, results, manifests };
    this.execution = executionRole(this, options);
    const policy = submitterPolicy(this, options);
    this.submitter = submitterRole(this, policy);

    // SageMaker would make them without an end to what they keep.
    for (const [id, name] of [
      ['Log', endpointName(deployment)],
      ['RealtimeLog', realtimeName(deployment)],
    ] as const) {
      new logs.LogGroup(this, id, {
        logGroupName: `/aws/sagemaker/Endpoints/${name}`,
        retention: logs.RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      });
    }

    const output = (name: string, value: string) => new CfnOutput(this, name, { value });
    output('Region', this.region);
    output('BucketName', bucket.bucketName);
    output('RepositoryUri', repository.repositoryUri);
    output('StoreUrl', `s3://${bucket.bucketName}/${PREFIXES.store.slice(0, -1)}`);
    output('ManifestPlace', `${bucket.bucketName}/${PREFIXES.manifests.slice(0, -1)}`);
    output('ManifestQueueUrl', manifests.queue.queueUrl);
    output('ResultQueueUrl', results.queue.queueUrl);
    output('SubmitterRoleArn', this.submitter.roleArn);
    output('SubmitterPolicyArn', policy.managedPolicyArn);
  }
}
