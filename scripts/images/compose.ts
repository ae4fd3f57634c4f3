/**
 * What can be said of a compose file without running it: that its services wait for each other's health, get settings that exist and are
 * accepted, keep nothing open to the network, and hold no secret.
 */
import { parse } from 'yaml';
import { readConfig } from '../../src/runtime/config.ts';
import { SHUTDOWN_LIMIT_MS } from '../../src/runtime/lifecycle.ts';
import { isPinned } from './dockerfile.ts';

interface Service {
  readonly image?: string;
  readonly build?: { readonly target?: string };
  readonly command?: string | readonly string[];
  readonly environment?: Readonly<Record<string, string | number | boolean>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test?: unknown; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly init?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly deploy?: { readonly resources?: { readonly limits?: { readonly memory?: string } } };
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

export interface ComposeContext {
  /** stages that the Dockerfile can build */
  readonly targets: readonly string[];
  /** the example of the environment: text of .env.example */
  readonly example: string;
}

/** What somebody might fill in: long enough for every secret. */
const FILLED_IN = 'filled-in-0123456789abcdef';

/** @returns a sentence for each problem, none if all is well */
export function problemsOfCompose(text: string, context: ComposeContext): string[] {
  const file = parse(text, { merge: true }) as ComposeFile;
  const services = Object.entries(file.services);
  return [
    ...problemsOfVariables(text, context.example),
    ...services.flatMap(([name, service]) => {
      const problems = [
        ...problemsOfService(service, file, context),
        ...(service.build === undefined ? [] : problemsOfOurs(service, context.example)),
      ];
      return problems.map((problem) => `${name}: ${problem}`);
    }),
  ];
}

const VARIABLE = /\$\{(\w+)(?::?([-?])([^}]*))?\}/g;

/** Every variable is explained, and secrets have no default. */
function problemsOfVariables(text: string, example: string): string[] {
  const explained = new Set([...example.matchAll(/^#?(\w+)=/gm)].map(([, name]) => name));
  return [...text.matchAll(VARIABLE)].flatMap(([whole, name = '', operator]) => {
    if (!explained.has(name)) return [`${whole}: .env.example does not explain ${name}`];
    const isSecret = /(KEY|SECRET|TOKEN|PASSWORD)/.test(name);
    return isSecret && operator !== '?' ? [`${whole}: a secret must be asked for, \${${name}:?…}`] : [];
  });
}

function problemsOfService(service: Service, file: ComposeFile, { targets }: ComposeContext): string[] {
  const problems: string[] = [];
  const { image = '', build, healthcheck, deploy } = service;
  if (build === undefined && !isPinned(image)) problems.push(`the image ${image} names no version`);
  if (build !== undefined && !targets.includes(build.target ?? '')) {
    problems.push(`the Dockerfile has no stage ${build.target}`);
  }
  const endsByItself = service.restart === 'no';
  if (!endsByItself && healthcheck?.test === undefined) problems.push('it has no health check');
  if (deploy?.resources?.limits?.memory === undefined) problems.push('it has no memory limit');
  for (const port of service.ports ?? []) {
    if (!port.startsWith('127.0.0.1:')) problems.push(`the port ${port} is open to the network`);
  }
  for (const volume of service.volumes ?? []) {
    const [source = ''] = volume.split(':');
    if (!/^[./]/.test(source) && !(source in (file.volumes ?? {}))) {
      problems.push(`there is no volume ${source}`);
    }
  }
  for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
    const other = file.services[name];
    if (other === undefined) problems.push(`there is no service ${name} to wait for`);
    else if (condition === 'service_started') problems.push(`that ${name} has started does not mean that it works`);
    else if ((condition === 'service_completed_successfully') !== (other.restart === 'no')) {
      problems.push(`${name} never becomes ${condition}`);
    }
  }
  return problems;
}

/** Of the images that we build. */
function problemsOfOurs(service: Service, example: string): string[] {
  const problems: string[] = [];
  const graceMs = 1000 * Number(/^(\d+)s$/.exec(service.stop_grace_period ?? '')?.[1]);
  if (!(graceMs > SHUTDOWN_LIMIT_MS)) {
    problems.push(`it is killed after ${service.stop_grace_period}; an orderly end takes ${SHUTDOWN_LIMIT_MS} ms`);
  }
  if (service.read_only !== true) problems.push('its root can be written to');
  if (service.init !== true) problems.push('nothing reaps what its processes leave behind');
  if (!service.cap_drop?.includes('ALL')) problems.push('it keeps capabilities');
  if (!service.security_opt?.includes('no-new-privileges:true')) problems.push('it may gain privileges');
  try {
    readConfig(filledIn(service.environment ?? {}, example));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return problems;
}

/** The environment as compose would pass it to somebody who filled in the example. */
function filledIn(environment: Record<string, string | number | boolean>, example: string): Record<string, string> {
  const values = new Map([...example.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value || FILLED_IN]));
  const resolve = (text: string) =>
    text.replace(VARIABLE, (_whole, name: string, _operator, rest: string = '') => values.get(name) ?? rest);
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, resolve(String(value))]));
}
