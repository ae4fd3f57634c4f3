import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { synthesise } from '../src/stacks/synthesise.ts';

type Json = Readonly<Record<string, unknown>>;

const templates = synthesise('narrator');
const load = (kind: keyof typeof templates) => Template.fromJSON({ ...templates[kind] });
const endpoint = load('endpoint');
const propertiesOf = (template: Template, type: string) =>
  Object.values(template.findResources(type)).map(({ Properties }) => Properties as Json);

suite('The asynchronous endpoint', () => {
  test('has the only fixed name: what is replaced has none', () => {
    for (const kind of ['endpoint', 'realtime'] as const) {
      for (const type of ['AWS::SageMaker::Model', 'AWS::SageMaker::EndpointConfig']) {
        for (const properties of propertiesOf(load(kind), type)) {
          assert.deepEqual(
            Object.keys(properties).filter((key) => ['ModelName', 'EndpointConfigName'].includes(key)),
            [],
          );
        }
      }
    }
    endpoint.hasResourceProperties('AWS::SageMaker::Endpoint', { EndpointName: 'narrator' });
    load('realtime').hasResourceProperties('AWS::SageMaker::Endpoint', { EndpointName: 'narrator-tts' });
  });

  test('reads its model where it lies, unpacked, and takes the image its own if none is named', () => {
    endpoint.hasResourceProperties('AWS::SageMaker::Model', {
      PrimaryContainer: {
        ModelDataSource: {
          'Fn::If': [
            'HasModel',
            { S3DataSource: { S3DataType: 'S3Prefix', CompressionType: 'None', S3Uri: Match.anyValue() } },
            { Ref: 'AWS::NoValue' },
          ],
        },
      },
    });
  });

  test('writes receipts and failures to places of their own and tells both topics', () => {
    const [config] = propertiesOf(endpoint, 'AWS::SageMaker::EndpointConfig');
    const { OutputConfig, ClientConfig } = config?.['AsyncInferenceConfig'] as {
      OutputConfig: Json;
      ClientConfig: Json;
    };
    assert.match(JSON.stringify(OutputConfig['S3OutputPath']), /\/async\/out\/"/);
    assert.match(JSON.stringify(OutputConfig['S3FailurePath']), /\/async\/failed\/"/);
    const { SuccessTopic, ErrorTopic } = OutputConfig['NotificationConfig'] as Json;
    assert.notDeepEqual(SuccessTopic, ErrorTopic);
    assert.deepEqual(ClientConfig, { MaxConcurrentInvocationsPerInstance: { Ref: 'MaxConcurrentInvocations' } });
  });

  test('gets a driver that is new enough for the CUDA of the image', () => {
    for (const kind of ['endpoint', 'realtime'] as const) {
      const [config] = propertiesOf(load(kind), 'AWS::SageMaker::EndpointConfig');
      assert.match(JSON.stringify(config?.['ProductionVariants']), /"InferenceAmiVersion":\{"Ref":"AmiVersion"\}/);
      const parameter = templates[kind].Parameters?.['AmiVersion'];
      assert.equal(parameter?.Default, 'al2023-ami-sagemaker-inference-gpu-4-1');
    }
  });

  test('goes back by itself when invocations fail after an update', () => {
    const [alarmId] = Object.entries(endpoint.findResources('AWS::CloudWatch::Alarm'))
      .filter(([, { Properties }]) => (Properties as Json)['MetricName'] === 'InvocationFailures')
      .map(([id]) => id);
    endpoint.hasResourceProperties('AWS::SageMaker::Endpoint', {
      RetainAllVariantProperties: { Ref: 'RetainVariantProperties' },
      DeploymentConfig: {
        BlueGreenUpdatePolicy: Match.objectLike({ TerminationWaitInSeconds: 900 }),
        AutoRollbackConfiguration: { Alarms: [{ AlarmName: { Ref: alarmId } }] },
      },
    });
  });
});

suite('Scaling', () => {
  const policies = endpoint.findResources('AWS::ApplicationAutoScaling::ScalingPolicy');
  const policyNamed = (name: string) => {
    const found = Object.entries(policies).find(([, { Properties }]) => (Properties as Json)['PolicyName'] === name);
    assert.ok(found, name);
    return { id: found[0], properties: (found[1] as { Properties: Json }).Properties };
  };
  const alarmOf = (policyId: string) => {
    const alarms = propertiesOf(endpoint, 'AWS::CloudWatch::Alarm');
    const alarm = alarms.find(
      ({ AlarmActions }) => JSON.stringify(AlarmActions) === JSON.stringify([{ Ref: policyId }]),
    );
    assert.ok(alarm, policyId);
    return alarm;
  };

  test('begins at no instance', () => {
    endpoint.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      ServiceNamespace: 'sagemaker',
      ScalableDimension: 'sagemaker:variant:DesiredInstanceCount',
      MinCapacity: { Ref: 'MinInstances' },
      MaxCapacity: { Ref: 'MaxInstances' },
    });
    assert.equal(templates.endpoint.Parameters?.['MinInstances']?.Default, 0);
  });

  test('follows the backlog of each instance, and keeps one while shards of ours are in flight', () => {
    const { properties } = policyNamed('backlog-of-each-instance');
    assert.equal(properties['PolicyType'], 'TargetTrackingScaling');
    const configuration = properties['TargetTrackingScalingPolicyConfiguration'] as Json;
    const { Metrics } = configuration['CustomizedMetricSpecification'] as { Metrics: Json[] };
    const [backlog, shards, work] = Metrics;
    assert.match(JSON.stringify(backlog), /"ApproximateBacklogSizePerInstance","Namespace":"AWS\/SageMaker"/);
    assert.match(JSON.stringify(shards), /"InFlightShards","Namespace":"f5-narrator"/);
    assert.equal(work?.['ReturnData'], true);
    assert.deepEqual([backlog?.['ReturnData'], shards?.['ReturnData']], [false, false]);
    // Ids of CloudWatch begin with a small letter; the expression knows these two.
    for (const name of [backlog?.['Id'], shards?.['Id']]) {
      assert.match(String(name), /^[a-z]\w*$/);
      assert.ok(String(work?.['Expression']).includes(String(name)));
    }
    assert.equal(configuration['DisableScaleIn'] ?? false, false);
  });

  test('starts the first instance for work that has none', () => {
    const { id, properties } = policyNamed('work-but-no-instance');
    assert.equal(properties['PolicyType'], 'StepScaling');
    const { AdjustmentType, StepAdjustments } = properties['StepScalingPolicyConfiguration'] as Json;
    assert.equal(AdjustmentType, 'ChangeInCapacity');
    assert.deepEqual(StepAdjustments, [{ MetricIntervalLowerBound: 0, ScalingAdjustment: 1 }]);
    const { MetricName, Threshold, ComparisonOperator, TreatMissingData } = alarmOf(id);
    assert.deepEqual(
      [MetricName, Threshold, ComparisonOperator, TreatMissingData],
      ['HasBacklogWithoutCapacity', 1, 'GreaterThanOrEqualToThreshold', 'missing'],
    );
  });

  test('ends every instance after an hour without work, whatever another metric says', () => {
    const { id, properties } = policyNamed('an-hour-without-work');
    const { AdjustmentType, StepAdjustments } = properties['StepScalingPolicyConfiguration'] as Json;
    assert.equal(AdjustmentType, 'ExactCapacity');
    assert.deepEqual(StepAdjustments, [{ MetricIntervalUpperBound: 0, ScalingAdjustment: 0 }]);
    const { MetricName, Threshold, Period, EvaluationPeriods } = alarmOf(id);
    assert.deepEqual(
      [MetricName, Threshold, Number(Period) * Number(EvaluationPeriods)],
      ['ApproximateBacklogSize', 0, 3600],
    );
  });

  test('can be switched off as a whole, since the type of instances cannot change below it', () => {
    const conditions = [
      'AWS::ApplicationAutoScaling::ScalableTarget',
      'AWS::ApplicationAutoScaling::ScalingPolicy',
    ].flatMap((type) => Object.values(endpoint.findResources(type)).map((resource) => (resource as Json)['Condition']));
    assert.deepEqual(conditions, ['Scales', 'Scales', 'Scales', 'Scales']);
  });
});

suite('Alarms', () => {
  const alarms = propertiesOf(endpoint, 'AWS::CloudWatch::Alarm');
  const told = alarms.filter(({ AlarmActions }) => /Topic/.test(JSON.stringify(AlarmActions)));

  test('tell of failures, of waiting and expired shards, of idle instances and of dead letters', () => {
    assert.deepEqual(told.map(({ MetricName }) => MetricName).sort(), [
      'ApproximateAgeOfOldestRequest',
      'ApproximateNumberOfMessagesVisible',
      'ApproximateNumberOfMessagesVisible',
      'ExpiredRequests',
      'GPUUtilization',
      'InvocationFailures',
    ]);
  });

  test('are silent while nothing happens', () => {
    for (const { MetricName, Threshold, ComparisonOperator, TreatMissingData } of told) {
      assert.equal(TreatMissingData, 'notBreaching', String(MetricName));
      if (Threshold === 0) assert.equal(ComparisonOperator, 'GreaterThanThreshold', String(MetricName));
    }
  });
});

suite('The server on Fargate', () => {
  const service = load('service');
  const [task] = propertiesOf(service, 'AWS::ECS::TaskDefinition');
  const [server] = task?.['ContainerDefinitions'] as Json[];

  test('takes its admin key from a secret, and no secret from the template', () => {
    assert.deepEqual(
      (server?.['Secrets'] as Json[]).map(({ Name }) => Name),
      ['NARRATOR_ADMIN_KEY'],
    );
    assert.doesNotMatch(JSON.stringify(server?.['Environment']), /KEY|SECRET/);
    // 24 at least: docs/configuration.md.
    service.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: Match.objectLike({ PasswordLength: 48 }),
    });
  });

  test('is reached by HTTPS from the addresses that are named, and only through its balancer', () => {
    service.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Protocol: 'HTTPS', Port: 443 });
    assert.equal(templates.service.Parameters?.['Scheme']?.Default, 'internal');
    assert.equal(templates.service.Parameters?.['AllowedCidr']?.Default, undefined);
    const ingress = propertiesOf(service, 'AWS::EC2::SecurityGroup').flatMap(
      ({ SecurityGroupIngress }) => SecurityGroupIngress as Json[],
    );
    const open = ingress.filter((rule) => 'CidrIp' in rule);
    assert.deepEqual(
      open.map(({ CidrIp, FromPort, ToPort }) => [CidrIp, FromPort, ToPort]),
      [[{ Ref: 'AllowedCidr' }, 443, 443]],
    );
  });
});
