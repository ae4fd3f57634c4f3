/** The server as a task of Fargate: its image, its settings, its model, its secret. */
import { Aws, Fn, RemovalPolicy } from 'aws-cdk-lib';
import type { CfnCondition, CfnParameter } from 'aws-cdk-lib';
import { CfnTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { BaseStack } from './base-stack.ts';
import { endpointName, METRIC_NAMESPACE, PREFIXES } from './names.ts';
import * as policies from './policies.ts';

export const SERVICE_CONTAINER = 'api';
export const SERVICE_PORT = 8080;
/** Where the first container puts the model for the second. */
const MODEL_FOLDER = '/model';
const MODEL_VOLUME = 'model';

export interface ServiceTaskOptions {
  readonly deployment: string;
  readonly base: BaseStack;
  readonly image: CfnParameter;
  readonly modelPrefix: CfnParameter;
  readonly hasModel: CfnCondition;
  readonly window: CfnParameter;
}

export class ServiceTask extends Construct {
  readonly definition: CfnTaskDefinition;
  readonly adminKey: secrets.Secret;

  constructor(scope: Construct, options: ServiceTaskOptions) {
    super(scope, 'Task');
    const { base, image, modelPrefix, hasModel } = options;
    this.adminKey = new secrets.Secret(this, 'AdminKey', {
      description: `NARRATOR_ADMIN_KEY of ${options.deployment}`,
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
    });
    const log = new logs.LogGroup(this, 'Log', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const shared = {
      Image: base.repository.repositoryUriForDigest(image.valueAsString),
      LogConfiguration: {
        LogDriver: 'awslogs',
        Options: { 'awslogs-group': log.logGroupName, 'awslogs-region': Aws.REGION, 'awslogs-stream-prefix': 'api' },
      },
    };
    const fetchModel = {
      ...shared,
      Name: 'fetch-model',
      Essential: false,
      // It writes to a volume that belongs to root, and ends before the server starts.
      User: '0',
      EntryPoint: ['node', 'docker/fetch-model.mjs'],
      Command: [base.bucket.s3UrlForObject(modelPrefix.valueAsString), MODEL_FOLDER],
      MountPoints: [{ SourceVolume: MODEL_VOLUME, ContainerPath: MODEL_FOLDER }],
    };
    const server = {
      ...shared,
      Name: SERVICE_CONTAINER,
      Essential: true,
      Command: ['serve'],
      PortMappings: [{ ContainerPort: SERVICE_PORT, Protocol: 'tcp' }],
      Environment: serverSettings(options),
      Secrets: [{ Name: 'NARRATOR_ADMIN_KEY', ValueFrom: this.adminKey.secretArn }],
      // The server ends in order within 25 s.
      StopTimeout: 30,
      MountPoints: [{ SourceVolume: MODEL_VOLUME, ContainerPath: MODEL_FOLDER, ReadOnly: true }],
      DependsOn: Fn.conditionIf(
        hasModel.logicalId,
        [{ ContainerName: 'fetch-model', Condition: 'SUCCESS' }],
        Aws.NO_VALUE,
      ),
    };
    this.definition = new CfnTaskDefinition(this, 'Definition', {
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '1024',
      memory: '4096',
      runtimePlatform: { cpuArchitecture: 'X86_64', operatingSystemFamily: 'LINUX' },
      taskRoleArn: base.submitter.roleArn,
      executionRoleArn: this.#startRole(base, log).roleArn,
      volumes: [{ name: MODEL_VOLUME }],
    });
    this.definition.addPropertyOverride('ContainerDefinitions', [
      server,
      Fn.conditionIf(hasModel.logicalId, fetchModel, Aws.NO_VALUE),
    ]);
  }

  /** What ECS needs to start the task; the server itself runs as the submitter. */
  #startRole(base: BaseStack, log: logs.LogGroup): iam.Role {
    const role = new iam.Role(this, 'Start', { assumedBy: policies.serviceOfThisAccount('ecs-tasks.amazonaws.com') });
    role.addToPolicy(policies.enterRegistry());
    role.addToPolicy(policies.pullImages(base.repository.repositoryArn));
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [log.logGroupArn],
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.adminKey.secretArn] }),
    );
    return role;
  }
}

/** docs/configuration.md; the image sets host and port. */
function serverSettings({ deployment, base, hasModel, window }: ServiceTaskOptions): unknown[] {
  const { bucket, manifests, results } = base;
  const settings = {
    NARRATOR_STORE: bucket.s3UrlForObject(PREFIXES.store.slice(0, -1)),
    NARRATOR_S3_REGION: Aws.REGION,
    NARRATOR_BUCKETS: `${bucket.bucketName}/${PREFIXES.manifests.slice(0, -1)}`,
    NARRATOR_MANIFEST_QUEUE_URL: manifests.queue.queueUrl,
    NARRATOR_DISPATCH: 'sagemaker',
    NARRATOR_SAGEMAKER_ENDPOINT: endpointName(deployment),
    NARRATOR_SAGEMAKER_REGION: Aws.REGION,
    NARRATOR_SAGEMAKER_QUEUE_URL: results.queue.queueUrl,
    NARRATOR_METRIC_NAMESPACE: METRIC_NAMESPACE,
    NARRATOR_WINDOW: window.valueAsString,
    // The load balancer, and nobody else, stands before the server.
    NARRATOR_TRUST_PROXY: '1',
    NARRATOR_LOG_LEVEL: 'info',
  };
  const model = { Name: 'NARRATOR_MODEL', Value: MODEL_FOLDER };
  return [
    ...Object.entries(settings).map(([Name, Value]) => ({ Name, Value })),
    Fn.conditionIf(hasModel.logicalId, model, Aws.NO_VALUE),
  ];
}
