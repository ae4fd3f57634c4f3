/** The command line: see USAGE. Settings come from a file, and flags count before it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type SageMakerEmulatorOptions, startSageMakerEmulator } from './emulator.ts';
import { describeKnobs, flagOf, isKnob, KNOB_NAMES, readKnobs } from './settings.ts';

const USAGE = `sagemaker-emulator [options] [-- COMMAND …]

COMMAND starts a container; it hears its port from SAGEMAKER_BIND_TO_PORT.

  --config FILE           settings as JSON, by their names in camelCase
  --endpoint NAME         name of the endpoint (f5-narrator)
  --host ADDRESS          (127.0.0.1)
  --port N                (8090)
  --s3 URL                addresses of emulators of AWS; without them AWS itself
  --sqs URL
  --sns URL
  --region REGION         (us-east-1)
  --instances N|URLS      the most instances, or the addresses of running containers, between commas (1)
  --output-path S3        s3://bucket/prefix of responses
  --failure-path S3       s3://bucket/prefix of what failing containers say
  --success-topic ARN     topic that is told of completed invocations
  --error-topic ARN       topic that is told of failed ones
  --queue-url URL         queue that is subscribed to both: it is written to directly, without SNS
  --raw-delivery          without SNS's envelope
  --time-scale X          real seconds that a second of the endpoint takes (1)
  --seed N                repeats its choices

Knobs, which POST /_emulator/knobs turns while it runs:
${describeKnobs()}
`;

/** But for knobs. */
const TEXTS = [
  ...['endpoint', 'host', 'port', 's3', 'sqs', 'sns', 'region', 'instances', 'outputPath', 'failurePath'],
  ...['successTopic', 'errorTopic', 'queueUrl', 'timeScale', 'seed'],
];

function readSettings(args: string[]): SageMakerEmulatorOptions | undefined {
  const texts = Object.fromEntries(
    [...KNOB_NAMES, ...TEXTS].map((name) => [flagOf(name), { type: 'string' as const }]),
  );
  const { values, positionals } = parseArgs({
    args,
    options: {
      ...texts,
      config: { type: 'string' },
      help: { type: 'boolean', default: false },
      'raw-delivery': { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const { config, help, ...flags } = values;
  if (help) return undefined;
  const given = config === undefined ? {} : readFile(config);
  for (const [flag, value] of Object.entries(flags)) given[nameOf(flag)] = value;
  const { instances = 1, endpoint = 'f5-narrator', outputPath, port = 8090, timeScale = 1, seed } = given;
  if (typeof outputPath !== 'string') throw new Error('--output-path is not given.');
  if (typeof endpoint !== 'string') throw new Error('The name of the endpoint is no text.');
  const [program, ...rest] = positionals;
  return {
    ...given,
    ...readKnobs(Object.fromEntries(Object.entries(given).filter(([name]) => isKnob(name)))),
    ...{ endpoint, outputPath, port: numberOf('port', port), timeScale: numberOf('timeScale', timeScale) },
    instances: instancesOf(instances),
    ...(seed !== undefined && { seed: numberOf('seed', seed) }),
    ...(program !== undefined && { command: { argv: [program, ...rest] } }),
  };
}

function readFile(path: string): Record<string, unknown> {
  const settings = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const known = [...KNOB_NAMES, ...TEXTS, 'rawDelivery', 'command'];
  const unknown = Object.keys(settings).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${path}: there is no setting ${unknown}.`);
  return settings;
}

const nameOf = (flag: string) => flag.replaceAll(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());

function instancesOf(given: unknown): number | readonly string[] {
  const urls = typeof given === 'string' && given.includes('://') ? given.split(',') : given;
  return Array.isArray(urls) ? urls.map(String) : numberOf('instances', urls);
}

function numberOf(name: string, given: unknown): number {
  const number = Number(given);
  if (given === '' || !Number.isFinite(number)) throw new Error(`${name} is ${String(given)}; it must be a number.`);
  return number;
}

// On every start the SDK says which Node it will want some day.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const say = (event: string, fields: Record<string, unknown> = {}) =>
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const { url, seed, close } = await startSageMakerEmulator({ ...settings, log: say });
  say('emulator.started', { url, seed, endpoint: settings.endpoint });
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await close('SIGTERM');
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
