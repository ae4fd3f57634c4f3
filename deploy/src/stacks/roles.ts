/** Who may do what: the containers of an endpoint, and the server that hands them work. */
import { Aws } from 'aws-cdk-lib';
import type * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { endpointName, METRIC_NAMESPACE, PREFIXES, realtimeName } from './names.ts';
import * as policies from './policies.ts';
import type { QueuePair, ResultTopics } from './queues.ts';

export interface RolesOptions {
  readonly deployment: string;
  readonly bucket: s3.IBucket;
  readonly repository: ecr.IRepository;
  readonly topics: ResultTopics;
  readonly results: QueuePair;
  readonly manifests: QueuePair;
}

const RECEIPTS = [PREFIXES.receipts, PREFIXES.failures];
const WORK = [PREFIXES.store, PREFIXES.manifests];

const arn = (service: string, resource: string) =>
  `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;

/** SageMaker takes it to pull the image, fetch the model and write receipts; the container to read and write the store. */
export function executionRole(scope: Construct, options: RolesOptions): iam.Role {
  const { deployment, bucket, repository, topics } = options;
  const role = new iam.Role(scope, 'Execution', {
    assumedBy: policies.serviceOfThisAccount('sagemaker.amazonaws.com'),
    description: `Endpoints of ${deployment}: image, model, store, receipts`,
  });
  const logs = [endpointName(deployment), realtimeName(deployment)].map((name) =>
    arn('logs', `log-group:/aws/sagemaker/Endpoints/${name}`),
  );
  const statements = [
    policies.workOn(bucket, WORK),
    policies.readFrom(bucket, [PREFIXES.models]),
    policies.writeTo(bucket, RECEIPTS),
    policies.list(bucket, [...WORK, ...RECEIPTS, PREFIXES.models]),
    new iam.PolicyStatement({
      actions: ['sns:Publish'],
      resources: [topics.success.topicArn, topics.error.topicArn],
    }),
    policies.enterRegistry(),
    policies.pullImages(repository.repositoryArn),
    new iam.PolicyStatement({
      actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
      resources: logs.flatMap((group) => [group, `${group}:*`]),
    }),
    policies.publishMetrics(['/aws/sagemaker/*', 'AWS/SageMaker', 'AWS/SageMaker/*']),
  ];
  for (const statement of statements) role.addToPolicy(statement);
  return role;
}

/** What the server needs that plans jobs and hands shards over; for a server outside AWS, attach it to whatever that server is. */
export function submitterPolicy(scope: Construct, options: RolesOptions): iam.ManagedPolicy {
  const { deployment, bucket, results, manifests } = options;
  return new iam.ManagedPolicy(scope, 'Submitter', {
    description: `Jobs of ${deployment}: store, manifests, asynchronous invocations`,
    statements: [
      new iam.PolicyStatement({
        actions: ['sagemaker:InvokeEndpointAsync'],
        resources: [arn('sagemaker', `endpoint/${endpointName(deployment)}`)],
      }),
      policies.workOn(bucket, WORK),
      policies.readFrom(bucket, [...RECEIPTS, PREFIXES.models]),
      policies.list(bucket, [...WORK, ...RECEIPTS, PREFIXES.models]),
      policies.consume([results.queue.queueArn, manifests.queue.queueArn]),
      policies.publishMetrics([METRIC_NAMESPACE]),
    ],
  });
}

/** For the service on Fargate, and for people and servers of this account whose own permissions let them take it. */
export function submitterRole(scope: Construct, policy: iam.IManagedPolicy): iam.Role {
  return new iam.Role(scope, 'SubmitterRole', {
    assumedBy: new iam.CompositePrincipal(
      policies.serviceOfThisAccount('ecs-tasks.amazonaws.com'),
      new iam.AccountRootPrincipal(),
    ),
    managedPolicies: [policy],
  });
}
