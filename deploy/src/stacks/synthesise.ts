/** From constructs to templates: needs no account, no credentials and no network, and the templates no bootstrapped account. */
import { App, BootstraplessSynthesizer } from 'aws-cdk-lib';
import { BaseStack } from './base-stack.ts';
import { EndpointStack } from './endpoint-stack.ts';
import { stackName, STACKS, type StackKind } from './names.ts';
import { RealtimeStack } from './realtime-stack.ts';
import { ServiceStack } from './service-stack.ts';

export interface Template {
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown; readonly Description?: string }>>;
  readonly Resources: Readonly<Record<string, unknown>>;
}

/** @param outdir where the templates are written; default: a temporary folder */
export function synthesise(deployment: string, outdir?: string): Readonly<Record<StackKind, Template>> {
  const app = new App({ ...(outdir !== undefined && { outdir }), analyticsReporting: false, treeMetadata: false });
  const props = (kind: StackKind) => ({
    deployment,
    stackName: stackName(deployment, kind),
    synthesizer: new BootstraplessSynthesizer(),
  });
  const base = new BaseStack(app, 'Base', props('base'));
  const stacks = {
    base,
    endpoint: new EndpointStack(app, 'Endpoint', { ...props('endpoint'), base }),
    service: new ServiceStack(app, 'Service', { ...props('service'), base }),
    realtime: new RealtimeStack(app, 'Realtime', { ...props('realtime'), base }),
  };
  const assembly = app.synth();
  const template = (kind: StackKind) => assembly.getStackByName(stacks[kind].stackName).template as Template;
  return Object.fromEntries(STACKS.map((kind) => [kind, template(kind)])) as Record<StackKind, Template>;
}
