import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { openContext } from '../src/aws/context.ts';
import { VARIABLES } from '../../src/runtime/config-variables.ts';
import { destroy } from '../src/commands/destroy.ts';
import { settings } from '../src/commands/settings.ts';
import { deploy } from '../src/commands/stack.ts';
import { status } from '../src/commands/status.ts';
import { update } from '../src/commands/update.ts';
import { waitForService } from '../src/commands/wait.ts';
import { DeployError } from '../src/deploy-error.ts';
import { AwsStandIn, json, jsonError, type Json } from './aws-stand-in.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER_DIGEST = `sha256:${'b'.repeat(64)}`;
const BUCKET = 'narrator-555555555555';

let aws: AwsStandIn;
let said: string[];

beforeEach(async () => {
  said = [];
  aws = new AwsStandIn();
  await aws.start();
});
afterEach(() => aws.close());

const context = () => openContext({ deployment: 'narrator', pollMs: 1, say: (line) => said.push(line) });
const requestsOf = (action: string) =>
  aws.cloudFormation.requests.filter((request) => request.get('Action') === action);
function parametersIn(request: URLSearchParams | undefined): Record<string, string> {
  const sent: Record<string, string> = {};
  for (let index = 1; request?.has(`Parameters.member.${index}.ParameterKey`); index += 1) {
    const at = `Parameters.member.${index}`;
    sent[request.get(`${at}.ParameterKey`) ?? ''] = request.get(`${at}.ParameterValue`) ?? 'as before';
  }
  return sent;
}
const endpointIs = (...states: Json[]) => {
  let at = 0;
  aws.operations['DescribeEndpoint'] = () => json(states[Math.min(at++, states.length - 1)] ?? {});
};
const refusedWith = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof DeployError, String(error));
  assert.match(error.message, message);
  assert.notEqual(error.hint, '');
  return true;
};

suite('A stack', () => {
  test('is created with its defaults, protected if it is the base, and followed to its end', async () => {
    await deploy(context(), 'base', {});
    const [create] = requestsOf('CreateStack');
    assert.equal(create?.get('StackName'), 'narrator-base');
    assert.equal(create.get('EnableTerminationProtection'), 'true');
    assert.equal(create.get('Capabilities.member.1'), 'CAPABILITY_IAM');
    assert.equal(create.has('Parameters.member.1.ParameterKey'), false);
    assert.match(create.get('TemplateBody') ?? '', /^\{"Parameters"/);
    assert.ok(said.some((line) => /CREATE_IN_PROGRESS +narrator-base/.test(line)));
    assert.ok(said.includes('narrator-base: created'));
  });

  test('is not begun when a value is missing, and says which', async () => {
    const promise = deploy(context(), 'service', { ImageDigest: DIGEST });
    await assert.rejects(promise, refusedWith(/VpcId=…[^]*CertificateArn=…/));
    assert.deepEqual(requestsOf('CreateStack'), []);
  });

  test('refuses a parameter that its template does not know', async () => {
    await assert.rejects(deploy(context(), 'base', { SegmentsDays: '9' }), refusedWith(/no parameter SegmentsDays/));
  });

  test('keeps what was chosen before: an update names only what changes', async () => {
    aws.cloudFormation.add('narrator-endpoint', { parameters: { ImageDigest: DIGEST, MaxInstances: '7' } });
    await deploy(context(), 'endpoint', { ImageDigest: OTHER_DIGEST });
    const [request] = requestsOf('UpdateStack');
    const sent = parametersIn(request);
    assert.equal(sent['ImageDigest'], OTHER_DIGEST);
    assert.equal(sent['MaxInstances'], 'as before');
    // It has a default, which CloudFormation takes.
    assert.equal('MinInstances' in sent, false);
  });

  test('that is as it should be stays so', async () => {
    aws.cloudFormation.add('narrator-base');
    aws.cloudFormation.nothingDiffers();
    await deploy(context(), 'base', {});
    assert.ok(said.includes('narrator-base: unchanged'));
  });

  test('that fails is an error with the first cause, not with what was called off after it', async () => {
    const failure = { resource: 'Endpoint', type: 'AWS::SageMaker::Endpoint', reason: 'no quota for ml.g5.xlarge' };
    aws.cloudFormation.failNext(failure);
    const promise = deploy(context(), 'endpoint', { ImageDigest: DIGEST });
    await assert.rejects(promise, (error: unknown) => {
      refusedWith(/ROLLBACK_COMPLETE[^]*Endpoint \(AWS::SageMaker::Endpoint\): no quota/)(error);
      assert.doesNotMatch((error as Error).message, /cancelled/);
      return true;
    });
  });

  test('that was never completed is deleted first and then made anew', async () => {
    aws.cloudFormation.add('narrator-base', { status: 'ROLLBACK_COMPLETE' });
    await deploy(context(), 'base', {});
    const actions = aws.cloudFormation.requests.map((request) => request.get('Action'));
    assert.ok(actions.indexOf('DeleteStack') < actions.indexOf('CreateStack'));
  });

  test('that is being changed already is left alone', async () => {
    aws.cloudFormation.add('narrator-base', { status: 'UPDATE_ROLLBACK_IN_PROGRESS' });
    await assert.rejects(deploy(context(), 'base', {}), refusedWith(/being changed already/));
    assert.deepEqual(requestsOf('UpdateStack'), []);
  });
});

suite('An update to another image', () => {
  const deployed = () => aws.cloudFormation.add('narrator-endpoint', { parameters: { ImageDigest: DIGEST } });
  const running = (CurrentInstanceCount: number) => ({
    EndpointStatus: 'InService',
    ProductionVariants: [{ VariantName: 'main', CurrentInstanceCount }],
  });

  test('begins with one instance where none runs, so that the image is started at all', async () => {
    deployed();
    endpointIs(running(0));
    await update(context(), 'endpoint', { ImageDigest: OTHER_DIGEST });
    assert.deepEqual(aws.cloudFormation.stacks.get('narrator-endpoint')?.parameters, {
      ImageDigest: OTHER_DIGEST,
      RetainVariantProperties: 'false',
    });
  });

  test('keeps the number of instances where several run', async () => {
    deployed();
    endpointIs(running(3));
    await update(context(), 'endpoint', { ImageDigest: OTHER_DIGEST });
    assert.equal(aws.cloudFormation.stacks.get('narrator-endpoint')?.parameters['RetainVariantProperties'], 'true');
  });

  test('that is rolled back is an error which says why', async () => {
    deployed();
    endpointIs(running(1));
    const reason = 'The primary container for production variant main did not pass the ping health check.';
    aws.cloudFormation.failNext({ resource: 'Endpoint', type: 'AWS::SageMaker::Endpoint', reason });
    const promise = update(context(), 'endpoint', { ImageDigest: OTHER_DIGEST });
    await assert.rejects(promise, refusedWith(/UPDATE_ROLLBACK_COMPLETE[^]*did not pass the ping health check/));
    assert.ok(said.some((line) => line.includes('UPDATE_FAILED') && line.includes(reason)));
  });

  test('needs an endpoint', async () => {
    await assert.rejects(update(context(), 'endpoint', {}), refusedWith(/no stack narrator-endpoint/));
  });
});

suite('Waiting for an endpoint', () => {
  test('ends when it is in service, and says each state once', async () => {
    const creating = { EndpointStatus: 'Creating' };
    endpointIs(creating, creating, { EndpointStatus: 'InService' });
    await waitForService(context(), 'narrator');
    assert.deepEqual(said, ['narrator: Creating', 'narrator: InService']);
  });

  test('is an error with the reason when it failed', async () => {
    endpointIs(
      { EndpointStatus: 'Creating' },
      { EndpointStatus: 'Failed', FailureReason: 'CannotStartContainerError' },
    );
    await assert.rejects(waitForService(context(), 'narrator'), refusedWith(/Failed: CannotStartContainerError/));
  });

  test('is an error when it went back to what it was, although it is in service', async () => {
    endpointIs({ EndpointStatus: 'Updating' }, { EndpointStatus: 'RollingBack' }, { EndpointStatus: 'InService' });
    await assert.rejects(waitForService(context(), 'narrator'), refusedWith(/rolled back/));
  });

  test('has an end', async () => {
    endpointIs({ EndpointStatus: 'Creating' });
    await assert.rejects(waitForService(context(), 'narrator', 5), refusedWith(/still Creating/));
  });

  test('is an error at once when there is none', async () => {
    aws.operations['DescribeEndpoint'] = () => jsonError('ValidationException', 'Could not find endpoint "narrator".');
    await assert.rejects(waitForService(context(), 'narrator'), refusedWith(/no endpoint narrator/));
  });
});

suite('Status', () => {
  test('names stacks, the image, and how many instances run', async () => {
    aws.cloudFormation.add('narrator-endpoint', { parameters: { ImageDigest: DIGEST, ModelPrefix: '' } });
    aws.operations['DescribeEndpoint'] = ({ EndpointName }) =>
      EndpointName === 'narrator'
        ? json({
            EndpointStatus: 'InService',
            ProductionVariants: [{ CurrentInstanceCount: 0, DesiredInstanceCount: 1 }],
          })
        : jsonError('ValidationException', 'Could not find endpoint');
    await status(context());
    assert.deepEqual(said, [
      'narrator-base: not deployed',
      'narrator-endpoint: CREATE_COMPLETE',
      `  image ${DIGEST}, model the image's own`,
      'narrator-service: not deployed',
      'narrator-realtime: not deployed',
      'endpoint narrator: InService, 0 of 1 instances',
    ]);
  });
});

suite('Settings', () => {
  test('are what a server elsewhere needs, all of them known to it', async () => {
    const outputs = ['Region', 'StoreUrl', 'ManifestPlace', 'ManifestQueueUrl', 'ResultQueueUrl'];
    const values = Object.fromEntries(outputs.map((name) => [name, `of-${name}`]));
    aws.cloudFormation.add('narrator-base', { outputs: values });
    const lines = await settings(context());
    assert.deepEqual(
      lines.map((line) => line.split('=')[0] ?? '').filter((name) => !(name in VARIABLES)),
      [],
    );
    assert.ok(lines.includes('NARRATOR_SAGEMAKER_ENDPOINT=narrator'));
    assert.ok(lines.includes('NARRATOR_SAGEMAKER_QUEUE_URL=of-ResultQueueUrl'));
  });

  test('need the base', async () => {
    await assert.rejects(settings(context()), refusedWith(/no stack narrator-base/));
  });
});

suite('Destroying', () => {
  const everything = () => {
    for (const kind of ['service', 'realtime', 'endpoint']) aws.cloudFormation.add(`narrator-${kind}`);
    aws.cloudFormation.add('narrator-base', { outputs: { BucketName: BUCKET }, isProtected: true });
    aws.s3.objects.set('store/jobs/1/job.json', 3).set('manifests/a.wav', 4);
  };
  const left = () => [...aws.cloudFormation.stacks.values()].filter(({ status }) => status !== 'DELETE_COMPLETE');

  test('ends what costs by the hour and keeps the data', async () => {
    everything();
    await destroy(context(), {});
    assert.deepEqual(
      left().map(({ name }) => name),
      ['narrator-base'],
    );
    assert.equal(aws.s3.objects.size, 2);
    assert.ok(said.some((line) => line.includes(`--delete-data ${BUCKET}`)));
  });

  test('loses the data if its bucket is named', async () => {
    everything();
    await destroy(context(), { deleteData: BUCKET });
    assert.deepEqual(left(), []);
    assert.deepEqual([aws.s3.objects.size, aws.s3.isDeleted], [0, true]);
  });

  test('touches nothing if another bucket is named', async () => {
    everything();
    await assert.rejects(destroy(context(), { deleteData: 'narrator' }), refusedWith(/nothing was deleted/));
    assert.equal(left().length, 4);
  });
});
