import type { Answer } from './aws-stand-in.ts';

interface StackEvent {
  readonly token: string;
  readonly resource: string;
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

export interface StandInStack {
  readonly name: string;
  status: string;
  parameters: Record<string, string>;
  outputs: Record<string, string>;
  isProtected: boolean;
  readonly events: StackEvent[];
}

/** A resource that cannot be made: everything is then undone. */
export interface Failure {
  readonly resource: string;
  readonly type: string;
  readonly reason: string;
}

const UNDONE = { CREATE: 'ROLLBACK_COMPLETE', UPDATE: 'UPDATE_ROLLBACK_COMPLETE', DELETE: 'DELETE_FAILED' } as const;
type Action = keyof typeof UNDONE;
const OPERATION = { CREATE: 'CreateStack', UPDATE: 'UpdateStack', DELETE: 'DeleteStack' } as const;

const escaped = (value: string) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const element = (name: string, value: string | undefined) =>
  value === undefined ? '' : `<${name}>${escaped(value)}</${name}>`;
const members = (entries: readonly string[]) => entries.map((entry) => `<member>${entry}</member>`).join('');

/** The query protocol, and stacks that take two looks to be done. */
export class CloudFormationStandIn {
  readonly stacks = new Map<string, StandInStack>();
  /** every request, oldest first */
  readonly requests: URLSearchParams[] = [];
  #failure: Failure | undefined;
  #nothingDiffers = false;

  /** The next operation fails. */
  failNext(failure: Failure): void {
    this.#failure = failure;
  }

  /** The next update finds nothing to do. */
  nothingDiffers(): void {
    this.#nothingDiffers = true;
  }

  add(name: string, given: Partial<StandInStack> = {}): StandInStack {
    const stack = {
      name,
      status: 'CREATE_COMPLETE',
      parameters: {},
      outputs: {},
      isProtected: false,
      events: [],
      ...given,
    };
    this.stacks.set(name, stack);
    return stack;
  }

  answer(request: URLSearchParams): Answer {
    this.requests.push(request);
    const action = request.get('Action') ?? '';
    const name = (request.get('StackName') ?? '').replace(/^arn:.*:stack\/([^/]+)\/.*$/, '$1');
    const stack = this.stacks.get(name);
    if (action === 'CreateStack') {
      const added = this.add(name, { status: '', isProtected: request.get('EnableTerminationProtection') === 'true' });
      return this.#begin('CREATE', added, request);
    }
    if (stack === undefined) return failed(`Stack with id ${name} does not exist`);
    switch (action) {
      case 'DescribeStacks':
        this.#advance(stack);
        return result(action, `<Stacks>${members([describe(stack)])}</Stacks>`);
      case 'DescribeStackEvents':
        return result(action, `<StackEvents>${members(stack.events.map(describeEvent).reverse())}</StackEvents>`);
      case 'UpdateStack':
        if (this.#nothingDiffers) return failed('No updates are to be performed.');
        return this.#begin('UPDATE', stack, request);
      case 'UpdateTerminationProtection':
        stack.isProtected = request.get('EnableTerminationProtection') === 'true';
        return result(action, element('StackId', idOf(name)));
      case 'DeleteStack':
        if (stack.isProtected)
          return failed(`Stack [${name}] cannot be deleted while TerminationProtection is enabled`);
        return this.#begin('DELETE', stack, request);
      default:
        return { status: 501, body: action };
    }
  }

  #begin(action: Action, stack: StandInStack, request: URLSearchParams): Answer {
    stack.status = `${action}_IN_PROGRESS`;
    for (let index = 1; request.has(`Parameters.member.${index}.ParameterKey`); index += 1) {
      const key = request.get(`Parameters.member.${index}.ParameterKey`) ?? '';
      const value = request.get(`Parameters.member.${index}.ParameterValue`);
      if (value !== null) stack.parameters[key] = value;
    }
    const token = request.get('ClientRequestToken') ?? '';
    stack.events.push({ token, resource: stack.name, type: 'AWS::CloudFormation::Stack', status: stack.status });
    return result(OPERATION[action], element('StackId', idOf(stack.name)));
  }

  #advance(stack: StandInStack): void {
    const action = /^(CREATE|UPDATE|DELETE)_IN_PROGRESS$/.exec(stack.status)?.[1] as Action | undefined;
    const begun = stack.events.at(-1);
    if (action === undefined || begun === undefined) return;
    const { token } = begun;
    if (this.#failure === undefined) {
      stack.status = `${action}_COMPLETE`;
    } else {
      const { resource, type, reason } = this.#failure;
      stack.events.push({ token, resource, type, reason, status: `${action}_FAILED` });
      // What was under way beside it is called off, and says nothing of the cause.
      const cancelled = { resource: 'Beside', type: 'AWS::SNS::Topic', reason: 'Resource creation cancelled' };
      stack.events.push({ token, ...cancelled, status: `${action}_FAILED` });
      stack.status = UNDONE[action];
      this.#failure = undefined;
    }
    stack.events.push({ token, resource: stack.name, type: 'AWS::CloudFormation::Stack', status: stack.status });
  }
}

const idOf = (name: string) =>
  `arn:aws:cloudformation:eu-west-1:123456789012:stack/${name}/11111111-2222-3333-4444-555555555555`;

function describe({ name, status, parameters, outputs, isProtected }: StandInStack): string {
  const entries = (pairs: Record<string, string>, kind: string) =>
    members(Object.entries(pairs).map(([key, value]) => element(`${kind}Key`, key) + element(`${kind}Value`, value)));
  return [
    element('StackId', idOf(name)),
    element('StackName', name),
    element('StackStatus', status),
    element('CreationTime', '2026-01-01T00:00:00Z'),
    element('EnableTerminationProtection', String(isProtected)),
    `<Parameters>${entries(parameters, 'Parameter')}</Parameters>`,
    `<Outputs>${entries(outputs, 'Output')}</Outputs>`,
  ].join('');
}

function describeEvent({ token, resource, type, status, reason }: StackEvent, index: number): string {
  return [
    element('EventId', `event-${index}`),
    element('LogicalResourceId', resource),
    element('ResourceType', type),
    element('ResourceStatus', status),
    element('ResourceStatusReason', reason),
    element('Timestamp', '2026-01-01T00:00:00Z'),
    element('ClientRequestToken', token),
  ].join('');
}

function result(action: string, body: string): Answer {
  return { status: 200, body: `<${action}Response><${action}Result>${body}</${action}Result></${action}Response>` };
}

function failed(message: string): Answer {
  const error = `<Type>Sender</Type><Code>ValidationError</Code>${element('Message', message)}`;
  return { status: 400, body: `<ErrorResponse><Error>${error}</Error><RequestId>1</RequestId></ErrorResponse>` };
}
