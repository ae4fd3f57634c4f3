/** The bucket, and the queue that hears of manifests in it. */
import { Aws, Duration, Fn, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { PREFIXES } from './names.ts';

/** After so long an upload of parts is no longer going on. */
const UPLOAD_DAYS = 2;
/** Receipts are read within minutes; failures are for people. */
const RECEIPT_DAYS = 7;

/**
 * The last part of the stack's id makes the name unique, and known before the bucket is there: the queue's policy can name exactly this
 * bucket although the bucket, which tells the queue, needs that policy first.
 */
export function bucketNameOf(deployment: string): string {
  const stackUuid = Fn.select(2, Fn.split('/', Aws.STACK_ID));
  return Fn.join('-', [deployment, Fn.select(4, Fn.split('-', stackUuid))]);
}

export interface NarratorBucketOptions {
  readonly bucketName: string;
  readonly segmentDays: number;
  readonly manifests: sqs.Queue;
}

export function narratorBucket(scope: Construct, options: NarratorBucketOptions): s3.Bucket {
  const { bucketName, segmentDays, manifests } = options;
  const policy = allowFromBucket(manifests, bucketName);
  const bucket = new s3.Bucket(scope, 'Data', {
    bucketName,
    encryption: s3.BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    lifecycleRules: [
      { id: 'uploads-that-ended', abortIncompleteMultipartUploadAfter: Duration.days(UPLOAD_DAYS) },
      // A cache by content: what is gone is synthesised again if it is asked for.
      { id: 'segments', prefix: `${PREFIXES.store}segments/`, expiration: Duration.days(segmentDays) },
      { id: 'receipts', prefix: PREFIXES.receipts, expiration: Duration.days(RECEIPT_DAYS) },
      { id: 'failures', prefix: PREFIXES.failures, expiration: Duration.days(RECEIPT_DAYS) },
    ],
  });
  tellOfManifests(bucket, manifests, policy);
  return bucket;
}

/** @returns the policy, which must be there before S3 is told to write */
function allowFromBucket(queue: sqs.Queue, bucketName: string): Construct {
  const { policyDependable } = queue.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('s3.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: {
        ArnEquals: { 'aws:SourceArn': `arn:${Aws.PARTITION}:s3:::${bucketName}` },
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
      },
    }),
  );
  return policyDependable as Construct;
}

/** The bucket's own property: the construct library would deploy a Lambda function for it, which needs a bootstrapped account. */
function tellOfManifests(bucket: s3.Bucket, queue: sqs.Queue, policy: Construct): void {
  const resource = bucket.node.defaultChild as s3.CfnBucket;
  resource.notificationConfiguration = {
    queueConfigurations: ['.jsonl', '.csv'].map((suffix) => ({
      event: 's3:ObjectCreated:*',
      queue: queue.queueArn,
      filter: {
        s3Key: {
          rules: [
            { name: 'prefix', value: PREFIXES.manifests },
            { name: 'suffix', value: suffix },
          ],
        },
      },
    })),
  };
  resource.node.addDependency(policy);
}
