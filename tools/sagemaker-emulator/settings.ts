/**
 * Everything that can be set, in one table: for the command line, for a file, and for the knobs that are turned while it runs. Rates
 * are probabilities from 0 to 1. What AWS gives in seconds is multiplied by timeScale; milliseconds are real ones.
 */
import { ENDPOINT_STATUSES } from './endpoint-status.ts';

/** `rate`: 0 to 1; `count`: a whole number from 0; `positive`: above 0; a list: one of these words */
type Kind = 'rate' | 'count' | 'positive' | 'flag' | readonly string[];

interface Setting<K extends Kind = Kind, V = unknown> {
  readonly kind: K;
  readonly initial: V;
  readonly meaning: string;
}

const number = <K extends 'rate' | 'count' | 'positive'>(kind: K, initial: number, meaning: string) =>
  ({ kind, initial, meaning }) satisfies Setting;
const flag = (initial: boolean, meaning: string) => ({ kind: 'flag', initial, meaning }) as const satisfies Setting;
const choice = <const W extends string>(
  kind: readonly W[],
  initial: NoInfer<W>,
  meaning: string,
): Setting<readonly W[], W> => ({
  kind,
  initial,
  meaning,
});

const KNOBS = {
  // The endpoint and its instances
  status: choice(ENDPOINT_STATUSES, 'InService', 'what DescribeEndpoint says; unless InService nothing is accepted'),
  coldStartMs: number('count', 0, 'until the container of a new instance is started'),
  maxConcurrent: number('count', 4, 'invocations that one container has at once (MaxConcurrentInvocationsPerInstance)'),
  scaling: choice(
    ['backlog', 'manual'],
    'backlog',
    'backlog: instances follow what waits; manual: only UpdateEndpointWeightsAndCapacities says how many',
  ),
  minInstances: number('count', 0, 'instances that are kept without work'),
  backlogPerInstance: number(
    'positive',
    5,
    'invocations, waiting or at work, for each of which there is to be an instance',
  ),
  idleMs: number('count', 0, 'an instance without work for so long is scaled in; 0: never'),
  killEveryMs: number('count', 0, 'an instance that is at work is taken away, so often while there are any; 0: never'),
  killSignal: choice(
    ['SIGTERM', 'SIGKILL', 'either'],
    'SIGTERM',
    'how; SIGTERM is followed by SIGKILL after 30 s; either: now the one, now the other',
  ),
  onKill: choice(
    ['fail', 'requeue'],
    'fail',
    'what becomes of invocations whose instance was taken away: they fail, or another instance gets them',
  ),

  // What is accepted
  throttleRate: number('rate', 0, 'submissions that are refused with ThrottlingException'),
  unavailableRate: number('rate', 0, 'submissions that are refused with ServiceUnavailable'),
  loseAcceptances: number('rate', 0, 'submissions that are accepted, but whose answer never comes'),

  // What becomes of it
  failRate: number(
    'rate',
    0,
    'invocations that end as if the container had answered failStatus; it does not hear of them',
  ),
  failStatus: number('count', 500, 'with which status'),
  hangRate: number(
    'rate',
    0,
    'invocations that are not answered before they time out; the container does not hear of them',
  ),
  hangNext: number('count', 0, 'so many of the next invocations hang'),
  loseAnswers: number('rate', 0, 'invocations that the container does, but whose answer is lost'),
  duplicateDeliveries: number('rate', 0, 'invocations that the container gets twice'),
  strictHeaders: flag(true, 'answers without Content-Length or with headers above 4096 bytes are failures'),
  sendInferenceId: flag(true, 'the container is told the InferenceId'),

  // What is told of it
  dropNotifications: number('rate', 0, 'notifications that are lost'),
  dropNextFailures: number('count', 0, 'so many of the next notifications of failures are lost'),
  duplicateNotifications: number('rate', 0, 'notifications that come twice'),
  includeResponse: choice(
    ['none', 'success', 'error', 'both'],
    'none',
    'topics whose messages hold the body of the response, up to 128 KB (IncludeInferenceResponseIn)',
  ),
  expiryNotifies: flag(false, 'an invocation whose time in the queue is over is told of as a failure; unknown of AWS'),
  failureObjects: choice(
    ['model', 'all'],
    'model',
    'which failures leave an object: those that the container answered, or those without an answer too; unknown of AWS',
  ),
  configNotFoundOnce: flag(false, 'the next UpdateEndpoint does not find its configuration, as while AWS spreads it'),
} as const satisfies Record<string, Setting>;

type ValueOf<S> = S extends { kind: 'flag' }
  ? boolean
  : S extends Setting<readonly (infer W extends string)[]>
    ? W
    : number;
export type Knobs = { -readonly [Name in keyof typeof KNOBS]: ValueOf<(typeof KNOBS)[Name]> };

export const initialKnobs = (): Knobs =>
  Object.fromEntries(Object.entries(KNOBS).map(([name, { initial }]) => [name, initial])) as Knobs;

export const isKnob = (name: string): name is keyof Knobs => name in KNOBS;

/**
 * @param given JSON, or text as from a command line
 * @throws Error that names the knob, what it takes and what was found
 */
export function readKnobs(given: Readonly<Record<string, unknown>>): Partial<Knobs> {
  const read = Object.entries(given).map(([name, value]) => {
    if (!isKnob(name)) throw new Error(`There is no knob ${name}.`);
    const { kind } = KNOBS[name];
    const read = readValue(kind, value);
    if (read === undefined) throw new Error(`${name} is ${JSON.stringify(value)}; it must be ${ruleOf(kind)}.`);
    return [name, read];
  });
  return Object.fromEntries(read) as Partial<Knobs>;
}

function readValue(kind: Kind, value: unknown): string | number | boolean | undefined {
  if (kind === 'flag') {
    if (typeof value === 'boolean') return value;
    return value === 'true' || value === 'false' ? value === 'true' : undefined;
  }
  if (typeof kind !== 'string') return kind.find((word) => word === value);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
  const isAccepted = {
    rate: number >= 0 && number <= 1,
    count: Number.isSafeInteger(number) && number >= 0,
    positive: number > 0,
  }[kind];
  return isAccepted ? number : undefined;
}

function ruleOf(kind: Kind): string {
  if (typeof kind !== 'string') return `one of ${kind.join(', ')}`;
  return {
    rate: 'a number from 0 to 1',
    count: 'a whole number from 0',
    positive: 'a number above 0',
    flag: 'true or false',
  }[kind];
}

export const flagOf = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A line for each knob, for the help of the command line. */
export function describeKnobs(): string {
  return Object.entries(KNOBS)
    .map(([name, { kind, initial, meaning }]) => {
      const takes = typeof kind === 'string' ? kind : kind.join('|');
      return `  --${flagOf(name)} ${takes.length > 30 ? 'word' : takes}\n        ${meaning} (${String(initial)})`;
    })
    .join('\n');
}

export const KNOB_NAMES = Object.keys(KNOBS) as (keyof Knobs)[];
