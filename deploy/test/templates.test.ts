import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { VARIABLES } from '../../src/runtime/config-variables.ts';
import { TEMPLATE_BYTES_MAX } from '../src/aws/deploy-stack.ts';
import { STACKS } from '../src/stacks/names.ts';
import { synthesise } from '../src/stacks/synthesise.ts';

type Json = Readonly<Record<string, unknown>>;
interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: readonly string[];
}
interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Json;
  readonly Principal?: unknown;
}

const templates = synthesise('narrator');
const { base, endpoint, service, realtime } = templates;
const all = Object.entries(templates).flatMap(([kind, template]) =>
  Object.entries(template.Resources).map(([id, resource]) => ({ kind, id, ...(resource as Resource) })),
);
const ofType = (type: string) => all.filter(({ Type }) => Type === type);
const asserted = (template: unknown) =>
  Template.fromJSON(template as Record<string, unknown>, { skipCyclicalDependenciesCheck: false });
const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : [value]);

function statementsOf(properties: Json): Statement[] {
  const inline = (properties['Policies'] ?? []) as readonly { PolicyDocument: Json }[];
  const documents = [properties['PolicyDocument'], ...inline.map(({ PolicyDocument }) => PolicyDocument)];
  return documents.flatMap((document) => ((document as Json | undefined)?.['Statement'] ?? []) as Statement[]);
}

const identityStatements = all
  .filter(({ Type }) => ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::Role'].includes(Type))
  .flatMap(({ Properties }) => statementsOf(Properties));

suite('Templates', () => {
  test('travel in one request, and need neither a bootstrapped account nor a Lambda function', () => {
    for (const kind of STACKS) {
      assert.ok(Buffer.byteLength(JSON.stringify(templates[kind])) <= TEMPLATE_BYTES_MAX, kind);
      assert.equal('BootstrapVersion' in (templates[kind].Parameters ?? {}), false, kind);
    }
    assert.deepEqual(
      all.map(({ Type }) => Type).filter((type) => /Lambda|^Custom::|CustomResource/.test(type)),
      [],
    );
  });

  test('are of no account and no region', () => {
    const text = JSON.stringify(templates);
    assert.doesNotMatch(text, /\b\d{12}\b/);
    assert.doesNotMatch(text, /\b(us|eu|ap)-[a-z]+-\d\b/);
  });

  test('set only what the programs know as a setting', () => {
    const set = new Set(JSON.stringify(templates).match(/(?<=")NARRATOR_[A-Z0-9_]+(?=")/g));
    assert.ok(set.size >= 10);
    assert.deepEqual(
      [...set].filter((name) => !(name in VARIABLES)),
      [],
    );
  });

  test('hold no resource that depends on itself', () => {
    for (const kind of STACKS) asserted(templates[kind]);
  });
});

suite('Permissions', () => {
  test('name no action by a wildcard', () => {
    const actions = identityStatements.flatMap(({ Action }) => listed(Action));
    assert.ok(actions.length > 20);
    assert.deepEqual(
      actions.filter((action) => String(action).includes('*')),
      [],
    );
  });

  test('name every resource where AWS has names', () => {
    const everywhere = identityStatements.filter(({ Resource }) => listed(Resource).includes('*'));
    const actions = new Set(everywhere.flatMap(({ Action }) => listed(Action)));
    assert.deepEqual([...actions].sort(), ['cloudwatch:PutMetricData', 'ecr:GetAuthorizationToken']);
  });

  test('to publish metrics end at a namespace', () => {
    const metrics = identityStatements.filter(({ Action }) => Action === 'cloudwatch:PutMetricData');
    assert.equal(metrics.length, 2);
    for (const { Condition } of metrics) assert.ok(JSON.stringify(Condition).includes('cloudwatch:namespace'));
  });

  test('to list the bucket end at its folders', () => {
    const listing = identityStatements.filter(({ Action }) => Action === 's3:ListBucket');
    assert.equal(listing.length, 2);
    for (const { Condition } of listing) assert.ok(JSON.stringify(Condition).includes('s3:prefix'));
  });

  test('on objects end at a folder of the bucket', () => {
    const objects = identityStatements.filter(({ Action }) =>
      listed(Action).some((action) => /s3:\w+Object/.test(String(action))),
    );
    assert.ok(objects.length >= 5);
    for (const { Resource } of objects) {
      for (const resource of listed(Resource))
        assert.match(JSON.stringify(resource), /"\/(store|manifests|models|async\/\w+)\/\*"/);
    }
  });

  test('are taken by services of this account only', () => {
    const roles = ofType('AWS::IAM::Role');
    assert.equal(roles.length, 3);
    for (const { id, Properties } of roles) {
      const trust = Properties['AssumeRolePolicyDocument'] as { Statement: Statement[] };
      for (const { Principal, Condition } of trust.Statement) {
        const isOwn = JSON.stringify(Principal).includes(':root');
        assert.ok(isOwn || JSON.stringify(Condition).includes('aws:SourceAccount'), id);
      }
    }
  });

  test('let the submitter invoke this one endpoint', () => {
    const [submitter] = ofType('AWS::IAM::ManagedPolicy').map(({ Properties }) => statementsOf(Properties));
    const invoke = submitter?.filter(({ Action }) => String(Action).startsWith('sagemaker:'));
    assert.equal(invoke?.length, 1);
    assert.equal(invoke[0]?.Action, 'sagemaker:InvokeEndpointAsync');
    assert.match(JSON.stringify(invoke[0].Resource), /:endpoint\/narrator"/);
  });
});

suite('The bucket', () => {
  const [bucket] = ofType('AWS::S3::Bucket');
  const properties = bucket?.Properties ?? {};

  test('is encrypted, closed to the public, and outlives its stack', () => {
    assert.match(JSON.stringify(properties['BucketEncryption']), /"SSEAlgorithm":"AES256"/);
    assert.deepEqual(properties['PublicAccessBlockConfiguration'], {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    assert.equal(bucket?.DeletionPolicy, 'RetainExceptOnCreate');
  });

  test('refuses what comes without TLS', () => {
    asserted(base).hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  test('forgets segments, receipts and uploads that ended, and nothing else', () => {
    const { Rules } = properties['LifecycleConfiguration'] as { Rules: Json[] };
    const forgotten = Rules.filter((rule) => 'ExpirationInDays' in rule).map(({ Prefix }) => Prefix);
    assert.deepEqual(forgotten, ['store/segments/', 'async/out/', 'async/failed/']);
    assert.ok(Rules.some((rule) => 'AbortIncompleteMultipartUpload' in rule));
  });

  test('tells one queue of manifests, as .jsonl and as .csv, once that queue lets it', () => {
    const { QueueConfigurations } = properties['NotificationConfiguration'] as { QueueConfigurations: Json[] };
    const rules = QueueConfigurations.map(({ Filter }) => (Filter as { S3Key: { Rules: unknown } }).S3Key.Rules);
    const rule = (suffix: string) => [
      { Name: 'prefix', Value: 'manifests/' },
      { Name: 'suffix', Value: suffix },
    ];
    assert.deepEqual(rules, [rule('.jsonl'), rule('.csv')]);
    const [policyId = ''] = bucket?.DependsOn ?? [];
    const policy = all.find(({ id }) => id === policyId);
    assert.equal(policy?.Type, 'AWS::SQS::QueuePolicy');
    assert.deepEqual(policy.Properties['Queues'], [
      { Ref: JSON.stringify(QueueConfigurations).match(/\["(Manifests\w+)","Arn"\]/)?.[1] },
    ]);
    const allow = statementsOf(policy.Properties).find(({ Effect }) => Effect === 'Allow');
    assert.match(JSON.stringify(allow?.Condition), /aws:SourceArn.*:s3:::.*aws:SourceAccount/);
    // The very name that the bucket has.
    assert.ok(JSON.stringify(allow?.Condition).includes(JSON.stringify(properties['BucketName'])));
  });
});

suite('Queues and topics', () => {
  const queues = ofType('AWS::SQS::Queue');
  const refusesPlain = ({ Effect, Condition }: Statement) =>
    Effect === 'Deny' && JSON.stringify(Condition).includes('"aws:SecureTransport":"false"');

  test('are encrypted, and every queue has a dead-letter queue', () => {
    assert.equal(queues.length, 4);
    for (const { id, Properties } of queues) assert.equal(Properties['SqsManagedSseEnabled'], true, id);
    const working = queues.filter(({ Properties }) => 'RedrivePolicy' in Properties);
    assert.equal(working.length, 2);
    const dead = working.map(
      ({ Properties }) => JSON.stringify(Properties['RedrivePolicy']).match(/\["(\w+)","Arn"\]/)?.[1],
    );
    assert.deepEqual(
      dead.sort(),
      queues
        .filter(({ Properties }) => !('RedrivePolicy' in Properties))
        .map(({ id }) => id)
        .sort(),
    );
  });

  test('refuse what comes without TLS', () => {
    for (const type of ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy']) {
      const policies = ofType(type);
      assert.ok(policies.length >= 3, type);
      for (const { id, Properties } of policies) assert.ok(statementsOf(Properties).some(refusesPlain), id);
    }
    assert.equal(ofType('AWS::SQS::QueuePolicy').length, queues.length);
    assert.equal(ofType('AWS::SNS::TopicPolicy').length, ofType('AWS::SNS::Topic').length);
  });

  test('let in what their source names, and nothing without a source', () => {
    for (const { id, Properties } of ofType('AWS::SQS::QueuePolicy')) {
      for (const statement of statementsOf(Properties).filter(({ Effect }) => Effect === 'Allow')) {
        assert.match(JSON.stringify(statement.Condition), /aws:SourceArn/, id);
        assert.doesNotMatch(JSON.stringify(statement.Principal), /\*/, id);
      }
    }
  });

  test('carry what both topics say to one queue, unwrapped', () => {
    const subscriptions = ofType('AWS::SNS::Subscription').filter(({ kind }) => kind === 'base');
    assert.equal(subscriptions.length, 2);
    for (const { Properties } of subscriptions) {
      assert.equal(Properties['RawMessageDelivery'], true);
      assert.match(JSON.stringify(Properties['RedrivePolicy']), /ResultsDead/);
    }
  });
});

suite('Images', () => {
  test('are scanned when they are pushed, cannot be overwritten, and old ones go', () => {
    asserted(base).hasResourceProperties('AWS::ECR::Repository', {
      ImageScanningConfiguration: { ScanOnPush: true },
      ImageTagMutability: 'IMMUTABLE',
      LifecyclePolicy: Match.anyValue(),
    });
  });

  test('are named by their digest wherever they run', () => {
    const models = ofType('AWS::SageMaker::Model').map(({ Properties }) => Properties['PrimaryContainer'] as Json);
    const tasks = ofType('AWS::ECS::TaskDefinition').flatMap(({ Properties }) =>
      listed(Properties['ContainerDefinitions']),
    );
    assert.equal(models.length, 2);
    for (const container of [...models, tasks[0]]) {
      assert.match(JSON.stringify((container as Json)['Image']), /"@",\{"Ref":"ImageDigest"\}\]\]\}$/);
    }
    for (const template of [endpoint, service, realtime]) {
      const { AllowedPattern } = template.Parameters?.['ImageDigest'] as unknown as { AllowedPattern: string };
      assert.match(`sha256:${'a'.repeat(64)}`, new RegExp(AllowedPattern));
      assert.doesNotMatch('latest', new RegExp(AllowedPattern));
    }
  });
});
