/** `npm run … --` in deploy/: image, model, stack, update, status, wait, settings, destroy, synth. docs/deploy-aws.md tells them in order. */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openContext, type Context } from '../src/aws/context.ts';
import { destroy } from '../src/commands/destroy.ts';
import { image, type ImageTool } from '../src/commands/image.ts';
import { model } from '../src/commands/model.ts';
import { settings } from '../src/commands/settings.ts';
import { status } from '../src/commands/status.ts';
import { waitForService } from '../src/commands/wait.ts';
import { DeployError } from '../src/deploy-error.ts';
import {
  DEPLOYMENT,
  DIGEST,
  endpointName,
  IMAGE_TARGETS,
  type ImageTarget,
  realtimeName,
  STACKS,
  type StackKind,
} from '../src/stacks/names.ts';

// The construct library takes seconds to load: only the commands that make templates import it.

const root = join(import.meta.dirname, '..', '..');
function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

interface CommonOptions {
  readonly name: string;
  readonly region?: string;
  readonly pollSeconds: number;
}

interface ParameterOptions {
  readonly image?: string;
  readonly model?: string;
  readonly set: Readonly<Record<string, string>>;
}

function parseName(text: string): string {
  if (DEPLOYMENT.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 30 small letters, digits and dashes, beginning with a letter.');
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 600) return seconds;
  throw new InvalidArgumentError('It must be a number above 0, up to 600.');
}

function parseDigest(text: string): string {
  if (DIGEST.test(text)) return text;
  throw new InvalidArgumentError('It must be sha256: and 64 hexadecimal digits: what `npm run image` prints.');
}

function parseSet(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [, key, value] = /^([A-Za-z0-9]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be Parameter=value.');
  return { ...before, [key]: value };
}

const parametersOf = ({ image: digest, model: prefix, set }: ParameterOptions) => ({
  ...(digest !== undefined && { ImageDigest: digest }),
  ...(prefix !== undefined && { ModelPrefix: prefix }),
  ...set,
});

const withParameters = (command: Command) =>
  command
    .option('--image <digest>', 'sha256:…, as `npm run image` prints it', parseDigest)
    .option('--model <prefix>', "models/…/, as `npm run model` prints it; '' for the image's own")
    .option('--set <Parameter=value>', 'any parameter of the template; may be repeated', parseSet, {});

const program = new Command('deploy')
  .description('f5-narrator on AWS')
  .addOption(
    new Option('--name <name>', 'of the deployment: begins the name of all there is')
      .default('narrator')
      .argParser(parseName),
  )
  .option('--region <region>', 'default: AWS_REGION, or that of the profile')
  .option('--poll-seconds <seconds>', 'between two looks at what AWS is doing', parseSeconds, 5);

const context = (): Context => {
  const { name, region, pollSeconds } = program.opts<CommonOptions>();
  return openContext({ deployment: name, say, pollMs: pollSeconds * 1000, ...(region !== undefined && { region }) });
};

program
  .command('image')
  .description('build an image of this checkout, push it, print its digest')
  .addOption(new Option('--target <target>').choices(IMAGE_TARGETS).default('sagemaker'))
  .addOption(new Option('--tool <tool>', 'default: the first that is on PATH').choices(['docker', 'podman']))
  .action(async (options: { target: ImageTarget; tool?: ImageTool }) =>
    say(await image(context(), { ...options, root })),
  );

program
  .command('model <folder>')
  .description('put a model into the bucket, print its prefix')
  .action(async (folder: string) => say(await model(context(), folder)));

withParameters(program.command('stack'))
  .description('create or update a stack: base first, then endpoint; service and realtime if wanted')
  .argument('<kind>', STACKS.join(' | '), (text: string) => {
    if ((STACKS as readonly string[]).includes(text)) return text as StackKind;
    throw new InvalidArgumentError(`It must be one of ${STACKS.join(', ')}.`);
  })
  .action(async (kind: StackKind, options: ParameterOptions) => {
    const { deploy } = await import('../src/commands/stack.ts');
    await deploy(context(), kind, parametersOf(options));
  });

withParameters(program.command('update'))
  .description('another image or model for a running endpoint, with the way back if it does not work')
  .option('--realtime', 'the endpoint that answers at once')
  .action(async ({ realtime, ...options }: ParameterOptions & { realtime?: boolean }) => {
    const { update } = await import('../src/commands/update.ts');
    await update(context(), realtime === true ? 'realtime' : 'endpoint', parametersOf(options));
  });

program
  .command('status')
  .description('what is deployed, and what runs')
  .action(() => status(context()));

program
  .command('wait')
  .description('until the endpoint is in service')
  .option('--realtime', 'the endpoint that answers at once')
  .action(async ({ realtime }: { realtime?: boolean }) => {
    const opened = context();
    await waitForService(opened, (realtime === true ? realtimeName : endpointName)(opened.deployment));
  });

program
  .command('settings')
  .description('what a server elsewhere needs to work with this deployment, as variables')
  .action(async () => (await settings(context())).forEach(say));

program
  .command('destroy')
  .description('end everything that costs by the hour; data, images and queues stay')
  .option('--delete-data <bucket>', 'lose them too: name the bucket, to show that you mean it')
  .action((options: { deleteData?: string }) => destroy(context(), options));

program
  .command('synth')
  .description('write the templates; needs no account and no credentials')
  .option('--out <folder>', 'where to', join(import.meta.dirname, '..', 'out'))
  .action(async ({ out }: { out: string }) => {
    const { synth } = await import('../src/commands/synth.ts');
    synth(program.opts<CommonOptions>().name, out, say);
  });

/** What is wrong outside is told in a sentence, as AWS and its SDK do; what is wrong in here with where that is. */
function describe(error: unknown): string {
  if (error instanceof DeployError) return `${error.message}\n${error.hint}`;
  if (!(error instanceof Error)) return String(error);
  const isOurs = [TypeError, RangeError, ReferenceError].some((type) => error instanceof type);
  return isOurs ? (error.stack ?? error.message) : `${error.name}: ${error.message}`;
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`error: ${describe(error)}\n`);
  process.exitCode = 1;
}
