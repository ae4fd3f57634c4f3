/** The server's address: HTTPS only, since API keys travel on it. */
import type { CfnParameter } from 'aws-cdk-lib';
import { CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { CfnListener, CfnLoadBalancer, CfnTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import { SERVICE_PORT } from './service-task.ts';

export interface ServiceAddressOptions {
  readonly vpcId: CfnParameter;
  readonly subnetIds: CfnParameter;
  readonly certificateArn: CfnParameter;
  readonly scheme: CfnParameter;
  readonly allowedCidr: CfnParameter;
}

/** Speech is answered when it is there, and job events are streamed: both outlast the default of a minute. */
const IDLE_TIMEOUT_S = 900;

export class ServiceAddress extends Construct {
  readonly balancer: CfnLoadBalancer;
  readonly listener: CfnListener;
  readonly targets: CfnTargetGroup;
  /** of the tasks: only the balancer reaches them */
  readonly tasks: CfnSecurityGroup;

  constructor(scope: Construct, options: ServiceAddressOptions) {
    super(scope, 'Address');
    const vpcId = options.vpcId.valueAsString;
    const entrance = new CfnSecurityGroup(this, 'Entrance', {
      groupDescription: 'HTTPS to the load balancer',
      vpcId,
      securityGroupIngress: [
        { ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: options.allowedCidr.valueAsString },
      ],
    });
    this.tasks = new CfnSecurityGroup(this, 'Tasks', {
      groupDescription: 'From the load balancer to the server',
      vpcId,
      securityGroupIngress: [
        {
          ipProtocol: 'tcp',
          fromPort: SERVICE_PORT,
          toPort: SERVICE_PORT,
          sourceSecurityGroupId: entrance.attrGroupId,
        },
      ],
    });
    this.balancer = new CfnLoadBalancer(this, 'Balancer', {
      type: 'application',
      scheme: options.scheme.valueAsString,
      subnets: options.subnetIds.valueAsList,
      securityGroups: [entrance.attrGroupId],
      loadBalancerAttributes: [
        { key: 'idle_timeout.timeout_seconds', value: String(IDLE_TIMEOUT_S) },
        { key: 'routing.http.drop_invalid_header_fields.enabled', value: 'true' },
      ],
    });
    this.targets = new CfnTargetGroup(this, 'Targets', {
      vpcId,
      targetType: 'ip',
      protocol: 'HTTP',
      port: SERVICE_PORT,
      // Whether it lives, not whether it can work: a store that is away is no reason to start servers anew.
      healthCheckPath: '/healthz',
      healthCheckIntervalSeconds: 15,
      targetGroupAttributes: [{ key: 'deregistration_delay.timeout_seconds', value: '30' }],
    });
    this.listener = new CfnListener(this, 'Https', {
      loadBalancerArn: this.balancer.ref,
      port: 443,
      protocol: 'HTTPS',
      sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
      certificates: [{ certificateArn: options.certificateArn.valueAsString }],
      defaultActions: [{ type: 'forward', targetGroupArn: this.targets.ref }],
    });
  }
}
