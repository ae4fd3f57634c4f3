/** A second endpoint that answers at once, for /tts and dialogue. It costs for as long as it is there: it cannot scale to zero. */
import { CfnOutput, CfnParameter, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnEndpoint, CfnEndpointConfig } from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import type { BaseStack } from './base-stack.ts';
import { containerModel, STARTUP } from './container-model.ts';
import { imageParameter, instanceParameters, isSet, modelParameter } from './endpoint-parameters.ts';
import { realtimeName, VARIANT } from './names.ts';

export interface RealtimeStackProps extends StackProps {
  readonly deployment: string;
  readonly base: BaseStack;
}

export class RealtimeStack extends Stack {
  constructor(scope: Construct, id: string, { deployment, base, ...props }: RealtimeStackProps) {
    super(scope, id, props);
    const image = imageParameter(this);
    const modelPrefix = modelParameter(this);
    const { instanceType, amiVersion } = instanceParameters(this);
    const instances = new CfnParameter(this, 'Instances', {
      ...{ type: 'Number', default: 1, minValue: 1, maxValue: 100 },
      description: 'each is paid for by the hour, whether it speaks or not',
    });
    const model = containerModel(this, {
      repository: base.repository,
      bucket: base.bucket,
      role: base.execution,
      image,
      modelPrefix,
      hasModel: isSet(this, 'HasModel', modelPrefix),
    });
    const config = new CfnEndpointConfig(this, 'Config', {
      productionVariants: [
        {
          variantName: VARIANT,
          modelName: model.attrModelName,
          instanceType: instanceType.valueAsString,
          inferenceAmiVersion: amiVersion.valueAsString,
          initialInstanceCount: instances.valueAsNumber,
          initialVariantWeight: 1,
          ...STARTUP,
        },
      ],
    });
    const endpoint = new CfnEndpoint(this, 'Endpoint', {
      endpointName: realtimeName(deployment),
      endpointConfigName: config.attrEndpointConfigName,
    });
    new CfnOutput(this, 'EndpointName', { value: endpoint.attrEndpointName });
  }
}
