/**
 * What can be said of a Dockerfile without building it: its syntax, that what it copies and starts exists, and the rules that
 * every image of ours keeps (docs/decisions/0012-images.md).
 */
import { validate } from 'dockerfile-utils';
import { readConfig } from '../../src/runtime/config.ts';

export interface Instruction {
  readonly keyword: string;
  /** behind the keyword, continuation lines joined, flags included */
  readonly text: string;
  readonly line: number;
}

export interface Stage {
  readonly name: string | undefined;
  /** as written: an image, an ARG or an earlier stage */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** defaults of the ARGs before the first FROM */
  readonly bases: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

export interface BuildContext {
  readonly exists: (path: string) => boolean;
  /** text of .dockerignore */
  readonly ignore: string;
  /** images that the rest of the project builds */
  readonly targets: readonly string[];
}

export function parseDockerfile(text: string): Dockerfile {
  const bases = new Map<string, string>();
  const stages: { name: string | undefined; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    const stage = stages.at(-1);
    if (instruction.keyword === 'FROM') {
      const [base = '', , name] = instruction.text.split(/\s+/).filter((word) => !word.startsWith('--'));
      stages.push({ name, base, instructions: [] });
    } else if (stage !== undefined) {
      stage.instructions.push(instruction);
    } else {
      const [name = '', value = ''] = instruction.text.split('=');
      bases.set(name, value);
    }
  }
  return { bases, stages };
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  let joined = '';
  let startLine = 0;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    if (joined === '') startLine = index + 1;
    joined += line.replace(/\\\s*$/, ' ');
    if (/\\\s*$/.test(line)) continue;
    const [, keyword = '', rest = ''] = /^\s*(\w+)\s+(.*)$/.exec(joined) ?? [];
    found.push({ keyword: keyword.toUpperCase(), text: rest.trim(), line: startLine });
    joined = '';
  }
  return found;
}

/** @returns a sentence for each problem, none if all is well */
export function problemsOfDockerfile(text: string, context: BuildContext): string[] {
  const file = parseDockerfile(text);
  return [
    ...validate(text).map(({ message, range }) => {
      const said = typeof message === 'string' ? message : message.value;
      return `line ${range.start.line + 1}: ${said}`;
    }),
    ...problemsOfBases(file),
    ...file.stages.flatMap((stage) => problemsOfCopies(stage, file, context)),
    ...context.targets.flatMap((target) => problemsOfTarget(target, file, context)),
  ];
}

function problemsOfBases({ bases, stages }: Dockerfile): string[] {
  return stages.flatMap(({ base, name }, index) => {
    if (stages.slice(0, index).some((earlier) => earlier.name === base)) return [];
    const argument = /^\$\{(\w+)\}$/.exec(base)?.[1];
    const image = argument === undefined ? base : bases.get(argument);
    if (image === undefined) return [`stage ${name ?? index}: ${base} has no default`];
    return isPinned(image) ? [] : [`stage ${name ?? index}: ${image} names no version`];
  });
}

/** A digest, or a tag that says a version. */
export function isPinned(image: string): boolean {
  return /@sha256:[0-9a-f]{64}$/.test(image) || /:(?!latest)[\w.-]*\d[\w.-]*$/.test(image);
}

function problemsOfCopies(stage: Stage, { stages }: Dockerfile, context: BuildContext): string[] {
  return stage.instructions.flatMap(({ keyword, text, line }) => {
    if (keyword === 'ADD') return [`line ${line}: ADD unpacks and downloads; COPY does neither`];
    if (keyword !== 'COPY') return [];
    const words = text.split(/\s+/);
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
    if (from !== undefined) {
      const isEarlier = stages.slice(0, stages.indexOf(stage)).some(({ name }) => name === from);
      return isEarlier ? [] : [`line ${line}: there is no earlier stage ${from}`];
    }
    const sources = words.filter((word) => !word.startsWith('--')).slice(0, -1);
    return sources.flatMap((source) => {
      if (!context.exists(source)) return [`line ${line}: ${source} does not exist`];
      return isSent(source, context.ignore) ? [] : [`line ${line}: .dockerignore keeps ${source} out of the build`];
    });
  });
}

/** Our .dockerignore leaves out everything and then lets single paths in. */
function isSent(source: string, ignore: string): boolean {
  const path = source.replace(/\/$/, '');
  const allowed = ignore.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1).trim()] : []));
  return allowed.some((entry) => path === entry || path.startsWith(`${entry}/`));
}

/** SageMaker expects root: what it mounts below /opt/ml need not be readable by others. Everybody else starts an image as nobody. */
const PLATFORM_WANTS_ROOT = ['sagemaker'];

function problemsOfTarget(target: string, file: Dockerfile, context: BuildContext): string[] {
  const chain = stagesBelow(target, file);
  if (chain === undefined) return [`there is no stage ${target}`];
  const instructions = chain.flatMap((stage) => stage.instructions);
  const last = (keyword: string) => instructions.findLast((one) => one.keyword === keyword);
  const problems: string[] = [];
  const user = last('USER')?.text;
  if (PLATFORM_WANTS_ROOT.includes(target)) {
    if (user !== '0:0') problems.push(`its user is ${user ?? 'not named'}; its platform wants root, named as 0:0`);
    problems.push(...problemsOfEndpoint(instructions));
  } else if (user === undefined || !/^[1-9]\d*(:[1-9]\d*)?$/.test(user)) {
    problems.push(`its user is ${user ?? 'root'}; it must be a number that is not 0`);
  }
  for (const keyword of ['ENTRYPOINT', 'HEALTHCHECK']) {
    const instruction = last(keyword);
    if (instruction === undefined) problems.push(`it has no ${keyword}`);
    else problems.push(...problemsOfCommand(instruction, context));
  }
  for (const { keyword, text, line } of instructions) {
    if (['ENV', 'ARG'].includes(keyword) && /(KEY|SECRET|TOKEN|PASSWORD)\w*\s*=/i.test(text)) {
      problems.push(`line ${line}: a secret would stay in the image for everybody to read`);
    }
  }
  problems.push(...problemsOfSettings(instructions));
  return problems.map((problem) => `${target}: ${problem}`);
}

/** What SageMaker asks of an image: docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html */
function problemsOfEndpoint(instructions: readonly Instruction[]): string[] {
  const problems: string[] = [];
  const labels = instructions.filter(({ keyword }) => keyword === 'LABEL').map(({ text }) => text);
  if (!labels.some((text) => text.includes('com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true'))) {
    problems.push('it does not say that it takes its port from SAGEMAKER_BIND_TO_PORT');
  }
  const words = (keyword: string) => parsedWords(instructions.findLast((one) => one.keyword === keyword)?.text ?? '');
  const entry = words('ENTRYPOINT');
  if (entry?.[0] !== 'node')
    problems.push('something stands before the program, and would get its signals and `serve`');
  if (entry?.length !== 2) problems.push('its ENTRYPOINT has arguments; it gets `serve`, and nothing else');
  if (words('CMD')?.join() !== 'serve') problems.push('it does not start as SageMaker starts it, with CMD ["serve"]');
  return problems;
}

/** Settings of the image exist and are accepted. */
function problemsOfSettings(instructions: readonly Instruction[]): string[] {
  const values = new Map<string, string>();
  const settings: Record<string, string> = {};
  for (const { keyword, text } of instructions) {
    if (keyword !== 'ENV' && keyword !== 'ARG') continue;
    for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S*)/g)) {
      const resolved = value.replace(/\$\{(\w+)\}/g, (_whole, other: string) => values.get(other) ?? '');
      values.set(name, resolved);
      if (keyword === 'ENV') settings[name] = resolved;
    }
  }
  try {
    readConfig(settings);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** A stage and those it is made from, the first one first. */
function stagesBelow(name: string, file: Dockerfile): Stage[] | undefined {
  const stage = file.stages.find((one) => one.name === name);
  return stage && [...(stagesBelow(stage.base, file) ?? []), stage];
}

/** A shell in between would be process 1 and keep SIGTERM to itself. */
function problemsOfCommand({ keyword, text, line }: Instruction, { exists }: BuildContext): string[] {
  const words = parsedWords(text.slice(text.indexOf('[')));
  if (words === undefined) return [`line ${line}: ${keyword} must be a list of words, ["node", …]`];
  const scripts = words.filter((word) => /\.m?js$/.test(word));
  if (scripts.length === 0) return [`line ${line}: ${keyword} starts no script`];
  return scripts.flatMap((script) => {
    const source = script.replace(/^dist\/(.*)\.js$/, '$1.ts');
    return exists(source) ? [] : [`line ${line}: ${keyword} starts ${script}, but there is no ${source}`];
  });
}

function parsedWords(text: string): string[] | undefined {
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : undefined;
  } catch {
    return undefined;
  }
}
