/**
 * The configuration: a pure function of the environment, and the only reader of it. Every problem is reported together;
 * an unknown NARRATOR_* name is an error, because a typing mistake that silently becomes the default costs hours.
 */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { NarratorError } from '../core/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be between ${minimum} and ${maximum}`);

/** One entry a variable: its schema, and the line that docs/configuration.md shows for it. */
export const VARIABLES = {
  NARRATOR_HOME: {
    schema: z.string().min(1),
    meaning: 'folder of voices and pulled models',
    initial: '~/.f5-narrator',
  },
  NARRATOR_MODEL: {
    schema: z.string().min(1),
    meaning: 'model: a name from `narrator models list`, or a folder',
    initial: 'tiny',
  },
  NARRATOR_PROVIDER: { schema: z.enum(['cpu', 'cuda', 'auto']), meaning: 'where the model runs', initial: 'auto' },
  NARRATOR_PRECISION: {
    schema: z.enum(['auto', 'f32', 'f16']),
    meaning: 'precision of the network; auto: f16 on cuda, f32 on cpu',
    initial: 'auto',
  },
  NARRATOR_THREADS: {
    schema: integer(0, 1024),
    meaning: 'threads of the model on the CPU; 0: one a physical core',
    initial: '0',
  },
  NARRATOR_BUDGET_FRAMES: {
    schema: integer(128, 1_000_000),
    meaning: "padded frames of one batch; unset: as the provider's preset says",
    initial: '',
  },
  NARRATOR_HANG_TIMEOUT_MS: {
    schema: integer(1_000, 86_400_000),
    meaning: 'a batch that takes longer than this and than expected is killed',
    initial: '120000',
  },
  NARRATOR_STORE: {
    schema: z.string().refine((text) => !text.includes('://'), 'must be a folder'),
    meaning: 'folder of the artifact store that API and workers share',
    initial: '',
  },
  NARRATOR_REDIS_URL: {
    schema: z.url({ protocol: /^rediss?$/ }),
    meaning: 'Redis of the queue: redis://[user:password@]host:port[/database], or rediss://',
    initial: '',
  },
  NARRATOR_QUEUE: {
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, '_' or '-'"),
    meaning: 'name of the queue: one for each model',
    initial: 'f5-narrator',
  },
  NARRATOR_CONCURRENCY: {
    schema: integer(1, 256),
    meaning: 'shards that one worker holds at once, so that batches fill across them',
    initial: '4',
  },
  NARRATOR_LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    meaning: 'level of the log on standard error',
    initial: 'warn',
  },
  NARRATOR_MIRROR: {
    schema: z.url({ protocol: /^https?$/ }),
    meaning: 'base address in place of https://huggingface.co for `models pull`',
    initial: '',
  },
  HF_TOKEN: { schema: z.string().min(1), meaning: 'access token for `models pull`, sent to the hub only', initial: '' },
} as const;

/** path: absolute */
export type StoreConfig = { readonly kind: 'filesystem'; readonly path: string };

export interface Config {
  /** absolute */
  readonly home: string;
  readonly model: string;
  readonly provider: 'cpu' | 'cuda' | 'auto';
  readonly precision: 'auto' | 'f32' | 'f16';
  readonly threads: number;
  readonly budgetFrames: number | undefined;
  readonly hangTimeoutMs: number;
  /** where the ledger lies when several processes share it; undefined: each run has a folder of its own */
  readonly store: StoreConfig | undefined;
  readonly redisUrl: string | undefined;
  readonly queueName: string;
  readonly concurrency: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly mirror: string | undefined;
  readonly hubToken: string | undefined;
}

/** @throws NarratorError config_invalid naming every variable that is wrong */
export function readConfig(environment: Environment = process.env): Config {
  const problems: string[] = [];
  for (const name of Object.keys(environment)) {
    if (name.startsWith('NARRATOR_') && !(name in VARIABLES)) {
      problems.push(`${name}: no such setting; there are ${Object.keys(VARIABLES).join(', ')}`);
    }
  }
  /** An empty variable counts as unset: that is how container runtimes pass what was left out. */
  function value<S extends z.ZodType>(name: string, schema: S): z.output<S> | undefined {
    const text = environment[name];
    if (text === undefined || text === '') return undefined;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    problems.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join(', ')}`);
    return undefined;
  }

  const config: Config = {
    home: expandHome(value('NARRATOR_HOME', VARIABLES.NARRATOR_HOME.schema) ?? VARIABLES.NARRATOR_HOME.initial),
    model: value('NARRATOR_MODEL', VARIABLES.NARRATOR_MODEL.schema) ?? VARIABLES.NARRATOR_MODEL.initial,
    provider: value('NARRATOR_PROVIDER', VARIABLES.NARRATOR_PROVIDER.schema) ?? VARIABLES.NARRATOR_PROVIDER.initial,
    precision: value('NARRATOR_PRECISION', VARIABLES.NARRATOR_PRECISION.schema) ?? VARIABLES.NARRATOR_PRECISION.initial,
    threads: value('NARRATOR_THREADS', VARIABLES.NARRATOR_THREADS.schema) ?? Number(VARIABLES.NARRATOR_THREADS.initial),
    budgetFrames: value('NARRATOR_BUDGET_FRAMES', VARIABLES.NARRATOR_BUDGET_FRAMES.schema),
    hangTimeoutMs:
      value('NARRATOR_HANG_TIMEOUT_MS', VARIABLES.NARRATOR_HANG_TIMEOUT_MS.schema) ??
      Number(VARIABLES.NARRATOR_HANG_TIMEOUT_MS.initial),
    store: storeConfig(value('NARRATOR_STORE', VARIABLES.NARRATOR_STORE.schema)),
    redisUrl: value('NARRATOR_REDIS_URL', VARIABLES.NARRATOR_REDIS_URL.schema),
    queueName: value('NARRATOR_QUEUE', VARIABLES.NARRATOR_QUEUE.schema) ?? VARIABLES.NARRATOR_QUEUE.initial,
    concurrency:
      value('NARRATOR_CONCURRENCY', VARIABLES.NARRATOR_CONCURRENCY.schema) ??
      Number(VARIABLES.NARRATOR_CONCURRENCY.initial),
    logLevel: value('NARRATOR_LOG_LEVEL', VARIABLES.NARRATOR_LOG_LEVEL.schema) ?? VARIABLES.NARRATOR_LOG_LEVEL.initial,
    mirror: value('NARRATOR_MIRROR', VARIABLES.NARRATOR_MIRROR.schema),
    hubToken: value('HF_TOKEN', VARIABLES.HF_TOKEN.schema),
  };
  if (problems.length > 0) {
    throw new NarratorError(
      'config_invalid',
      `The environment has ${problems.length} unusable setting(s):\n  ${problems.join('\n  ')}`,
    );
  }
  return config;
}

function storeConfig(text: string | undefined): StoreConfig | undefined {
  return text === undefined ? undefined : { kind: 'filesystem', path: expandHome(text) };
}

function expandHome(path: string): string {
  const expanded = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
  return isAbsolute(expanded) ? expanded : resolve(expanded);
}
