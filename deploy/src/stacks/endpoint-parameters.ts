/** What is chosen anew with every deployment. CloudFormation keeps the values: an update names only what changes. */
import { CfnCondition, CfnParameter, Fn } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { DIGEST } from './names.ts';

export function imageParameter(scope: Construct): CfnParameter {
  return new CfnParameter(scope, 'ImageDigest', {
    allowedPattern: DIGEST.source,
    constraintDescription: 'must be sha256: and 64 hexadecimal digits, as `npm run image` prints it',
    description: 'digest of the image in the repository of the base stack',
  });
}

/** Of a folder below models/, with a slash at its end; empty: the model that is in the image. */
export function modelParameter(scope: Construct): CfnParameter {
  return new CfnParameter(scope, 'ModelPrefix', {
    default: '',
    allowedPattern: '^(models/[A-Za-z0-9._-]+/)?$',
    constraintDescription: 'must be models/NAME/, as `npm run model` prints it, or empty',
    description: "where the model lies in the bucket; empty: the image's own",
  });
}

export const isSet = (scope: Construct, id: string, parameter: CfnParameter): CfnCondition =>
  new CfnCondition(scope, id, { expression: Fn.conditionNot(Fn.conditionEquals(parameter.valueAsString, '')) });

export interface InstanceParameters {
  readonly instanceType: CfnParameter;
  readonly amiVersion: CfnParameter;
}

export function instanceParameters(scope: Construct): InstanceParameters {
  return {
    instanceType: new CfnParameter(scope, 'InstanceType', {
      default: 'ml.g5.xlarge',
      allowedPattern: '^ml\\.[a-z0-9-]+\\.[a-z0-9]+$',
      constraintDescription: 'must be an instance type of SageMaker, such as ml.g5.xlarge',
      description: 'the account needs a quota for it (Service Quotas, "... for endpoint usage")',
    }),
    // The image holds CUDA 12.8, which was made for drivers of 570 and newer (550 should do: docs.nvidia.com/deploy/cuda-compatibility);
    // instances get 470 or 535 unless they are told otherwise:
    // docs.aws.amazon.com/sagemaker/latest/dg/inference-gpu-drivers.html
    amiVersion: new CfnParameter(scope, 'AmiVersion', {
      default: 'al2023-ami-sagemaker-inference-gpu-4-1',
      allowedValues: ['al2023-ami-sagemaker-inference-gpu-4-1', 'al2-ami-sagemaker-inference-gpu-3-1'],
      description: 'decides the NVIDIA driver: 580 (4-1) or 550 (3-1)',
    }),
  };
}

export interface EndpointParameters extends InstanceParameters {
  readonly image: CfnParameter;
  readonly model: CfnParameter;
  readonly maxConcurrent: CfnParameter;
  readonly retainVariant: CfnParameter;
  readonly minInstances: CfnParameter;
  readonly maxInstances: CfnParameter;
  readonly backlogTarget: CfnParameter;
  readonly scaling: CfnParameter;
  readonly oldestRequestSeconds: CfnParameter;
  readonly alarmEmail: CfnParameter;
}

export function endpointParameters(scope: Construct): EndpointParameters {
  const number = (id: string, values: { default: number; minValue: number; maxValue: number; description: string }) =>
    new CfnParameter(scope, id, { type: 'Number', ...values });
  return {
    ...instanceParameters(scope),
    image: imageParameter(scope),
    model: modelParameter(scope),
    maxConcurrent: number('MaxConcurrentInvocations', {
      ...{ default: 4, minValue: 1, maxValue: 256 },
      description: 'invocations that one instance works on at once, over which its batches fill',
    }),
    retainVariant: new CfnParameter(scope, 'RetainVariantProperties', {
      default: 'false',
      allowedValues: ['true', 'false'],
      description: 'an update keeps the number of instances (true), or begins with one, which proves the image (false)',
    }),
    minInstances: number('MinInstances', {
      ...{ default: 0, minValue: 0, maxValue: 100 },
      description: '0: no instance, and no cost of instances, while there is no work',
    }),
    maxInstances: number('MaxInstances', { default: 2, minValue: 1, maxValue: 100, description: 'bounds the cost' }),
    backlogTarget: number('BacklogPerInstance', {
      ...{ default: 8, minValue: 1, maxValue: 1000 },
      description: 'waiting and running shards for each instance that scaling aims at',
    }),
    scaling: new CfnParameter(scope, 'Scaling', {
      default: 'on',
      allowedValues: ['on', 'off'],
      description: 'off: the number of instances stays as it is; needed while InstanceType changes',
    }),
    oldestRequestSeconds: number('OldestRequestSeconds', {
      ...{ default: 1800, minValue: 60, maxValue: 21_600 },
      description: 'alarm when a shard waits longer',
    }),
    alarmEmail: new CfnParameter(scope, 'AlarmEmail', {
      default: '',
      allowedPattern: '^([^@\\s]+@[^@\\s]+)?$',
      constraintDescription: 'must be an e-mail address, or empty',
      description: 'is told of alarms, once it has confirmed',
    }),
  };
}
