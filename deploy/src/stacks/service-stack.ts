/** The server on Fargate behind a load balancer, for those who have no machine to run it on. */
import { CfnOutput, CfnParameter, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnCluster, CfnService } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import type { BaseStack } from './base-stack.ts';
import { imageParameter, isSet, modelParameter } from './endpoint-parameters.ts';
import { ServiceAddress } from './load-balancer.ts';
import { SERVICE_CONTAINER, SERVICE_PORT, ServiceTask } from './service-task.ts';

export interface ServiceStackProps extends StackProps {
  readonly deployment: string;
  readonly base: BaseStack;
}

export class ServiceStack extends Stack {
  constructor(scope: Construct, id: string, { deployment, base, ...props }: ServiceStackProps) {
    super(scope, id, props);
    const network = this.#network();
    const modelPrefix = modelParameter(this);
    const task = new ServiceTask(this, {
      deployment,
      base,
      image: imageParameter(this),
      modelPrefix,
      hasModel: isSet(this, 'HasModel', modelPrefix),
      window: new CfnParameter(this, 'Window', {
        ...{ type: 'Number', default: 64, minValue: 1, maxValue: 10_000 },
        description: 'shards that are submitted at once; at least twice MaxInstances times MaxConcurrentInvocations',
      }),
    });
    const address = new ServiceAddress(this, network);
    const service = new CfnService(this, 'Service', {
      cluster: new CfnCluster(this, 'Cluster').ref,
      launchType: 'FARGATE',
      taskDefinition: task.definition.ref,
      desiredCount: this.#servers().valueAsNumber,
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
      // A model is fetched first.
      healthCheckGracePeriodSeconds: 600,
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: network.taskSubnetIds.valueAsList,
          securityGroups: [address.tasks.attrGroupId],
          assignPublicIp: network.publicIp.valueAsString,
        },
      },
      loadBalancers: [
        { containerName: SERVICE_CONTAINER, containerPort: SERVICE_PORT, targetGroupArn: address.targets.ref },
      ],
    });
    // A target group that no listener uses is refused by ECS.
    service.addResourceDependency(address.listener);
    new CfnOutput(this, 'AdminKeySecretArn', { value: task.adminKey.secretArn });
    new CfnOutput(this, 'BalancerDnsName', { value: address.balancer.attrDnsName });
  }

  #servers(): CfnParameter {
    return new CfnParameter(this, 'Servers', {
      ...{ type: 'Number', default: 1, minValue: 0, maxValue: 20 },
      description: 'any number may share a store',
    });
  }

  #network() {
    const parameter = (id: string, type: string, description: string) =>
      new CfnParameter(this, id, { type, description });
    return {
      vpcId: parameter('VpcId', 'AWS::EC2::VPC::Id', 'network of the server'),
      subnetIds: parameter('BalancerSubnetIds', 'List<AWS::EC2::Subnet::Id>', 'two or more, in different zones'),
      taskSubnetIds: parameter(
        'TaskSubnetIds',
        'List<AWS::EC2::Subnet::Id>',
        'must reach the internet or endpoints of AWS',
      ),
      certificateArn: new CfnParameter(this, 'CertificateArn', {
        allowedPattern: '^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$',
        constraintDescription: 'must be the ARN of a certificate in ACM',
        description: 'for HTTPS: API keys do not travel without it',
      }),
      scheme: new CfnParameter(this, 'Scheme', {
        default: 'internal',
        allowedValues: ['internal', 'internet-facing'],
        description: 'who can reach the load balancer at all',
      }),
      allowedCidr: new CfnParameter(this, 'AllowedCidr', {
        allowedPattern: '^[0-9.]+/[0-9]{1,2}$',
        constraintDescription: 'must be a range of IPv4 addresses, such as 10.0.0.0/8',
        description: 'addresses that may connect',
      }),
      publicIp: new CfnParameter(this, 'PublicIp', {
        default: 'DISABLED',
        allowedValues: ['DISABLED', 'ENABLED'],
        description: 'ENABLED where the subnets of the tasks have no NAT gateway',
      }),
    };
  }
}
