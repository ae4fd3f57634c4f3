/**
 * `npm run parity -- --golden DIR`: are the graphs equal to the official PyTorch code? DIR holds outputs of that code with small
 * weights (the form is that of test/fixtures/golden, which is the default). Prints the largest absolute error of every graph for every
 * flavour, run and utterance, and ends with exit code 1 if one is above its bound, 2 if the folder cannot be used.
 *
 * The bounds are those of single precision on a CPU. `--provider cuda` and `--precision f16` compute elsewhere or in half precision, which
 * keeps fewer digits: then the errors are printed beside the bounds, and only what is no number at all or wholly wrong (above 1) fails.
 *
 * `npm run parity -- --tokens FILE.jsonl`: are the tokens equal to the official text converter's? FILE has a line
 * `{"text": …, "tokens": […]}` for each text. Prints the share of equal texts and tokens and the first differences, and ends
 * with exit code 1 below 98 % of the texts or 99.9 % of the tokens, 2 if the file cannot be used.
 */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { readGoldenData } from './parity/golden-data.ts';
import { boundsOf, measureFlavour, passes } from './parity/measure.ts';
import { measureTokens, meetsBar, percent, readTokenCases, TOKEN_BAR } from './parity/tokens.ts';
import type { GoldenData } from './parity/golden-data.ts';
import type { Measurement, Quantity } from './parity/measure.ts';

/** Differing texts that are printed. */
const DIFFERENCES_SHOWN = 20;
const FIXTURE = join(import.meta.dirname, '../test/fixtures/golden');

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      golden: { type: 'string', default: FIXTURE },
      provider: { type: 'string', default: 'cpu' },
      precision: { type: 'string', default: 'f32' },
      tokens: { type: 'string' },
    },
  });
  if (values.tokens !== undefined) return compareTokens(values.tokens);
  const machine = {
    provider: oneOf('provider', values.provider, ['cpu', 'cuda'] as const),
    precision: oneOf('precision', values.precision, ['f32', 'f16'] as const),
  };
  const boundOf = boundsOf(machine);
  const golden = readGoldenData(values.golden);
  console.log(`${golden.flavours.length} flavours, ${golden.runs.length} runs, ${golden.utterances.length} utterances`);
  const worst = new Map<Quantity, number>();
  let failures = 0;
  for (const flavour of golden.flavours) {
    for (const measurement of await measureFlavour(golden, flavour, machine)) {
      const isGood = passes(measurement, boundOf);
      print(golden, measurement, isGood);
      if (!isGood) failures++;
      for (const [quantity, error] of Object.entries(measurement.errors) as [Quantity, number][]) {
        worst.set(quantity, Math.max(worst.get(quantity) ?? 0, error));
      }
    }
  }
  console.log('\nLargest error of all          bound');
  for (const [quantity, error] of worst) {
    const bound = boundOf(quantity);
    console.log(`${quantity.padEnd(20)} ${format(error)}  ${format(bound)}  ${error <= bound ? 'ok' : 'FAILED'}`);
  }
  if (failures > 0) console.log(`\n${failures} of the lines above are beyond a bound.`);
  return failures > 0 ? 1 : 0;
}

function oneOf<T extends string>(flag: string, given: string, allowed: readonly T[]): T {
  const value = allowed.find((one) => one === given);
  if (value === undefined) throw new Error(`--${flag} must be one of ${allowed.join(', ')}, not ${given}.`);
  return value;
}

function compareTokens(path: string): number {
  const startedAt = performance.now();
  const cases = readTokenCases(path);
  const parity = measureTokens(cases);
  const seconds = (performance.now() - startedAt) / 1000;
  for (const { line, text, official, ours } of parity.differences.slice(0, DIFFERENCES_SHOWN)) {
    console.log(`line ${line}: ${text}\n  official ${JSON.stringify(official)}\n  ours     ${JSON.stringify(ours)}`);
  }
  const hidden = parity.differences.length - DIFFERENCES_SHOWN;
  if (hidden > 0) console.log(`and ${hidden} more texts`);
  const { texts, equalTexts, tokens, equalTokens } = parity;
  console.log(
    `texts  ${share(equalTexts, texts, TOKEN_BAR.texts)}\ntokens ${share(equalTokens, tokens, TOKEN_BAR.tokens)}`,
  );
  const characters = cases.reduce((sum, { text }) => sum + text.length, 0);
  console.log(`${characters} characters in ${seconds.toFixed(1)} s, the dictionaries' loading included`);
  return meetsBar(parity) ? 0 : 1;
}

function share(part: number, whole: number, bar: number): string {
  const reached = percent(part, whole);
  return `${part} of ${whole} equal: ${reached.toFixed(3)} %, at least ${bar} % ${reached >= bar ? 'ok' : 'FAILED'}`;
}

function print(golden: GoldenData, measurement: Measurement, isGood: boolean): void {
  const { flavour, run, utterance, errors } = measurement;
  const { steps, cfg, sway } = golden.runs[run ?? 0]!;
  const where = [
    flavour.padEnd(6),
    `utterance ${utterance} (${golden.utterances[utterance]!.duration} frames)`.padEnd(26),
    (run === undefined ? '' : `run ${run} (${steps} steps, cfg ${cfg}, sway ${sway ?? 'none'})`).padEnd(38),
  ];
  const figures = Object.entries(errors).map(([quantity, error]) => `${quantity} ${format(error)}`);
  console.log(`${where.join(' ')} ${figures.join('   ')}${isGood ? '' : '   FAILED'}`);
}

function format(error: number): string {
  return (error === 0 ? '0' : error.toExponential(1)).padStart(7);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
