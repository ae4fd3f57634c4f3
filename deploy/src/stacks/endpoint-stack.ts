/** What costs: the asynchronous endpoint, with what scales and watches it. It can be deleted and made again at any time. */
import { CfnCondition, CfnOutput, Fn, Stack, type StackProps } from 'aws-cdk-lib';
import type { CfnParameter } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { CfnEndpoint, CfnEndpointConfig, type CfnModel } from 'aws-cdk-lib/aws-sagemaker';
import type { Construct } from 'constructs';
import { alarms, failuresAlarm } from './alarms.ts';
import type { BaseStack } from './base-stack.ts';
import { containerModel, STARTUP } from './container-model.ts';
import { dashboard } from './dashboard.ts';
import { type EndpointParameters, endpointParameters, isSet } from './endpoint-parameters.ts';
import { endpointName, PREFIXES, stackName, VARIANT } from './names.ts';
import { scaleFromZero } from './scaling.ts';

export interface EndpointStackProps extends StackProps {
  readonly deployment: string;
  readonly base: BaseStack;
}

/**
 * Of an update, in seconds: how long the new instances are watched before the old ones go, how long those may still work (an
 * invocation has NARRATOR_SAGEMAKER_TIMEOUT_S, 900 unless set), and how long all of it may take.
 */
const UPDATE_S = { watched: 300, draining: 900, longest: 7200 };

export class EndpointStack extends Stack {
  constructor(scope: Construct, id: string, { deployment, base, ...props }: EndpointStackProps) {
    super(scope, id, props);
    const parameters = endpointParameters(this);
    const model = containerModel(this, {
      repository: base.repository,
      bucket: base.bucket,
      role: base.execution,
      image: parameters.image,
      modelPrefix: parameters.model,
      hasModel: isSet(this, 'HasModel', parameters.model),
    });
    const name = endpointName(deployment);
    const failures = failuresAlarm(this, name);
    const endpoint = this.#endpoint(name, this.#config(base, model, parameters), failures, parameters.retainVariant);
    const isOn = new CfnCondition(this, 'Scales', {
      expression: Fn.conditionEquals(parameters.scaling.valueAsString, 'on'),
    });
    scaleFromZero(this, { endpoint, parameters, isOn });
    const deadQueues = { Results: base.results.dead, Manifests: base.manifests.dead };
    const watching = alarms(this, { endpointName: name, parameters, failures, deadQueues });
    dashboard(this, { dashboardName: stackName(deployment, 'endpoint'), endpointName: name, alarms: watching });
    new CfnOutput(this, 'EndpointName', { value: endpoint.attrEndpointName });
  }

  #config(base: BaseStack, model: CfnModel, parameters: EndpointParameters): CfnEndpointConfig {
    return new CfnEndpointConfig(this, 'Config', {
      productionVariants: [
        {
          variantName: VARIANT,
          modelName: model.attrModelName,
          instanceType: parameters.instanceType.valueAsString,
          inferenceAmiVersion: parameters.amiVersion.valueAsString,
          // An endpoint cannot be made with none; scaling takes the first one away again.
          initialInstanceCount: 1,
          initialVariantWeight: 1,
          ...STARTUP,
        },
      ],
      asyncInferenceConfig: {
        clientConfig: { maxConcurrentInvocationsPerInstance: parameters.maxConcurrent.valueAsNumber },
        outputConfig: {
          s3OutputPath: base.bucket.s3UrlForObject(PREFIXES.receipts),
          s3FailurePath: base.bucket.s3UrlForObject(PREFIXES.failures),
          notificationConfig: {
            successTopic: base.topics.success.topicArn,
            errorTopic: base.topics.error.topicArn,
          },
        },
      },
    });
  }

  /** Only the endpoint has a name; another image makes another model and configuration, and those an update of the endpoint. */
  #endpoint(
    name: string,
    config: CfnEndpointConfig,
    failures: cloudwatch.IAlarm,
    retainVariant: CfnParameter,
  ): CfnEndpoint {
    const endpoint = new CfnEndpoint(this, 'Endpoint', {
      endpointName: name,
      endpointConfigName: config.attrEndpointConfigName,
      deploymentConfig: {
        blueGreenUpdatePolicy: {
          trafficRoutingConfiguration: { type: 'ALL_AT_ONCE', waitIntervalInSeconds: UPDATE_S.watched },
          terminationWaitInSeconds: UPDATE_S.draining,
          maximumExecutionTimeoutInSeconds: UPDATE_S.longest,
        },
        autoRollbackConfiguration: { alarms: [{ alarmName: failures.alarmName }] },
      },
    });
    // The construct would take only a boolean of the template; this one is chosen with each update.
    endpoint.addPropertyOverride('RetainAllVariantProperties', retainVariant.valueAsString);
    return endpoint;
  }
}
