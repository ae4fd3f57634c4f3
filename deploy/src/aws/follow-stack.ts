/** Watches one operation on a stack to its end, says what happens, and what went wrong first. */
import { setTimeout as delay } from 'node:timers/promises';
import { DescribeStackEventsCommand, type StackEvent } from '@aws-sdk/client-cloudformation';
import { DeployError } from '../deploy-error.ts';
import type { Context } from './context.ts';
import { readStack } from './read-stack.ts';

export interface Operation {
  readonly stackName: string;
  /** names this operation in the stack's history, so that older events are told apart */
  readonly token: string;
  readonly goal: 'CREATE_COMPLETE' | 'UPDATE_COMPLETE' | 'DELETE_COMPLETE';
  /** needed to follow a stack until it is gone: by its name it would not be found any more */
  readonly stackId: string;
}

/** The first few failures say why; all others follow from them ("Resource creation cancelled"). */
const REASONS_MAX = 3;

/** @throws DeployError if it ended otherwise, with the reasons that CloudFormation gave */
export async function followStack(context: Context, operation: Operation): Promise<void> {
  const seen = new Set<string>();
  const failures: string[] = [];
  for (;;) {
    const status = (await readStack(context, operation.stackId))?.StackStatus ?? 'DELETE_COMPLETE';
    for (const event of await newEvents(context, operation, seen)) {
      context.say(describe(event));
      const reason = event.ResourceStatusReason ?? '';
      if (event.ResourceStatus?.endsWith('_FAILED') && !/cancelled$/i.test(reason)) {
        failures.push(`${event.LogicalResourceId} (${event.ResourceType}): ${reason}`);
      }
    }
    if (!status.endsWith('_IN_PROGRESS')) {
      if (status === operation.goal) return;
      throw failed(operation, status, failures);
    }
    await delay(context.pollMs);
  }
}

/** Oldest first. */
async function newEvents(
  { cloudFormation }: Context,
  { stackId, token }: Operation,
  seen: Set<string>,
): Promise<StackEvent[]> {
  const events: StackEvent[] = [];
  let NextToken: string | undefined;
  do {
    const page = await cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: stackId, ...(NextToken !== undefined && { NextToken }) }),
    );
    const fresh = (page.StackEvents ?? []).filter(
      ({ EventId = '', ClientRequestToken }) => ClientRequestToken === token && !seen.has(EventId),
    );
    events.push(...fresh);
    // Newest come first: a page with something else than fresh ones is the last that matters.
    NextToken = fresh.length === page.StackEvents?.length ? page.NextToken : undefined;
  } while (NextToken !== undefined);
  for (const { EventId = '' } of events) seen.add(EventId);
  return events.reverse();
}

function describe({ Timestamp, LogicalResourceId, ResourceStatus, ResourceStatusReason }: StackEvent): string {
  const time = Timestamp?.toISOString().slice(11, 19) ?? '        ';
  const reason = ResourceStatusReason === undefined ? '' : `  ${ResourceStatusReason}`;
  return `${time}  ${ResourceStatus?.padEnd(28)} ${LogicalResourceId}${reason}`;
}

function failed({ stackName }: Operation, status: string, failures: readonly string[]): DeployError {
  const why = failures.length === 0 ? 'CloudFormation gave no reason.' : failures.slice(0, REASONS_MAX).join('\n  ');
  const rolledBack = status === 'UPDATE_ROLLBACK_COMPLETE';
  return new DeployError(
    `The stack ${stackName} ended as ${status}.\n  ${why}`,
    rolledBack
      ? 'Everything is as it was before. Correct what is named above and run the command again.'
      : 'Correct what is named above and run the command again; docs/deploy-aws.md has a table of causes.',
  );
}
