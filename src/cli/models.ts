/** `narrator models`: where models come from. */
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { modelPlaces } from '../runtime/model-places.ts';
import type { CliContext } from './context.ts';
import { formatBar, formatBytes, formatTable } from './terminal.ts';

interface PullFlags {
  mirror?: string;
  from?: string;
  precision?: 'f32' | 'f16';
  sha256?: string;
  json?: boolean;
}

interface BuildFlags {
  random?: 'tiny' | 'f5-tts-v1-base';
  seed: string;
  like: string;
  weights?: string;
  vocoder?: string;
  vocabulary?: string;
  licence: string;
  precision?: 'f32' | 'f16';
  json?: boolean;
}

export function addModelsCommand(program: Command, context: CliContext): void {
  const command = program.command('models').description('list, pull, build and verify models');
  command
    .command('list')
    .description('models that are here, and models that can be pulled')
    .option('--json', 'print JSON')
    .action((flags: { json?: boolean }) => list(context, flags));
  command
    .command('pull <name>')
    .description('fetch a published model; goes on where an interrupted pull stopped')
    .option('--mirror <url>', 'base address in place of https://huggingface.co (or NARRATOR_MIRROR)')
    .option('--from <folder>', 'take the published files from a local folder')
    .option('--precision <f32|f16>', 'f16: also keep the weights in half precision, for a GPU')
    .option('--sha256 <digest>', 'checksum that the weights must have')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nHF_TOKEN in the environment is sent to the hub, if it is set. Licences are shown before the download.',
    )
    .action((name: string, flags: PullFlags) => pull(context, name, flags));
  command
    .command('build <directory>')
    .description('make a model directory of a checkpoint, or of random weights')
    .option('--weights <file>', 'F5-TTS checkpoint: .safetensors or .pt')
    .option('--vocoder <file>', 'Vocos checkpoint: .safetensors or pytorch_model.bin')
    .option('--vocabulary <file>', 'vocab.txt, one token a line')
    .option('--like <name>', 'published model whose architecture the checkpoint has', 'f5-tts-v1-base')
    .option('--licence <name>', 'licence of the checkpoint, for the record', 'unknown')
    .option('--random <size>', 'random weights in the size of "tiny" or "f5-tts-v1-base": for measuring')
    .option('--seed <number>', 'of the random weights', '1')
    .option('--precision <f32|f16>', 'f16: also keep the weights in half precision, for a GPU')
    .option('--json', 'print JSON')
    .action((directory: string, flags: BuildFlags) => build(context, directory, flags));
  command
    .command('verify <name>')
    .description('compare every file of a model with its checksum')
    .option('--json', 'print JSON')
    .action((name: string, flags: { json?: boolean }) => verify(context, name, flags));
}

async function list({ config, terminal }: CliContext, { json }: { json?: boolean }): Promise<void> {
  const { models } = await import('../runtime/models.ts');
  const listings = await models.list(modelPlaces(config));
  if (json) return terminal.print(JSON.stringify(listings));
  const rows = listings.map(({ name, state, bytes, licence }) => [
    name,
    state,
    bytes === undefined ? '' : formatBytes(bytes),
    licence === undefined ? '' : `${licence.name}${licence.commercialUse ? '' : ' (no commercial use)'}`,
  ]);
  for (const line of formatTable([['NAME', 'STATE', 'SIZE', 'LICENCE'], ...rows])) terminal.print(line);
  for (const { name, problem } of listings) if (problem !== undefined) terminal.note(`${name}: ${problem}`);
}

async function pull({ config, terminal, lifecycle }: CliContext, name: string, flags: PullFlags): Promise<void> {
  const { models } = await import('../runtime/models.ts');
  const published = models.published(name);
  terminal.note(
    `${published.settings.name}: licence ${published.settings.licence.name}. ${published.settings.licence.note ?? ''}`,
  );
  const mirror = flags.mirror ?? config.mirror;
  const pulled = await models.pull(name, {
    modelsDirectory: modelPlaces(config).modelsDirectory,
    ...(mirror === undefined ? {} : { mirror }),
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.precision === undefined ? {} : { precision: flags.precision }),
    ...(flags.sha256 === undefined ? {} : { sha256: { weights: flags.sha256 } }),
    ...(config.hubToken === undefined ? {} : { token: config.hubToken }),
    signal: lifecycle.signal,
    onEvent(event) {
      if (event.event === 'fetching') {
        const { file, receivedBytes, totalBytes } = event;
        const share = totalBytes === undefined ? '' : `${formatBar(receivedBytes / totalBytes)} `;
        terminal.progress(
          `${share}${formatBytes(receivedBytes)}${totalBytes === undefined ? '' : ` of ${formatBytes(totalBytes)}`}  ${file}`,
        );
      } else if (event.event === 'fetched') {
        const checked = {
          caller: 'checksum as pinned',
          server: 'checksum as the server states (not pinned)',
          nothing: 'NOT verified: no checksum is known',
        };
        terminal.note(`${event.file}: ${formatBytes(event.bytes)}, ${checked[event.verifiedBy]}`);
      } else {
        terminal.progress('building the model directory');
      }
    },
  });
  terminal.clearProgress();
  if (flags.json)
    terminal.print(
      JSON.stringify({
        directory: pulled.model.directory,
        digest: pulled.model.digest,
        alreadyThere: pulled.alreadyThere,
        files: pulled.files,
      }),
    );
  else
    terminal.print(
      `${pulled.alreadyThere ? 'Already there and verified' : 'Ready'}: ${pulled.model.directory}\nUse it with --model ${name}, or NARRATOR_MODEL=${name}.`,
    );
}

async function build({ config, terminal, lifecycle }: CliContext, directory: string, flags: BuildFlags): Promise<void> {
  const { models } = await import('../runtime/models.ts');
  const target = /[/\\]/.test(directory) ? resolve(directory) : join(modelPlaces(config).modelsDirectory, directory);
  const precision = flags.precision === undefined ? {} : { precision: flags.precision };
  const model =
    flags.random === undefined
      ? await models.buildFromCheckpoint(target, {
          id: basename(target),
          like: flags.like,
          licence: flags.licence,
          weights: flags.weights,
          vocoder: flags.vocoder,
          vocabulary: flags.vocabulary,
          signal: lifecycle.signal,
          ...precision,
        })
      : await models.buildRandom(target, {
          id: basename(target),
          size: flags.random,
          seed: flags.seed,
          signal: lifecycle.signal,
          ...precision,
        });
  if (flags.json) terminal.print(JSON.stringify({ directory: model.directory, digest: model.digest }));
  else terminal.print(`Built: ${model.directory}`);
}

async function verify({ config, terminal }: CliContext, name: string, { json }: { json?: boolean }): Promise<void> {
  const { models } = await import('../runtime/models.ts');
  const model = await models.verify(await models.find(name, modelPlaces(config)), (file) =>
    terminal.progress(`reading ${file.path}`),
  );
  terminal.clearProgress();
  if (json) terminal.print(JSON.stringify({ directory: model.directory, digest: model.digest, verified: true }));
  else terminal.print(`Every file is as it should be: ${model.directory}`);
}
