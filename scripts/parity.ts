/**
 * `npm run parity -- --golden DIR`: are the graphs equal to the official PyTorch code? DIR holds outputs of that code with small
 * weights (the form is that of test/fixtures/golden, which is the default). Prints the largest absolute error of every graph for every
 * flavour, run and utterance, and ends with exit code 1 if one is above its bound, 2 if the folder cannot be used.
 */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { readGoldenData } from './parity/golden-data.ts';
import { BOUNDS, measureFlavour, passes } from './parity/measure.ts';
import type { GoldenData } from './parity/golden-data.ts';
import type { Measurement, Quantity } from './parity/measure.ts';

const FIXTURE = join(import.meta.dirname, '../test/fixtures/golden');

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { golden: { type: 'string', default: FIXTURE } } });
  const golden = readGoldenData(values.golden);
  console.log(`${golden.flavours.length} flavours, ${golden.runs.length} runs, ${golden.utterances.length} utterances`);
  const worst = new Map<Quantity, number>();
  let failures = 0;
  for (const flavour of golden.flavours) {
    for (const measurement of await measureFlavour(golden, flavour)) {
      print(golden, measurement);
      if (!passes(measurement)) failures++;
      for (const [quantity, error] of Object.entries(measurement.errors) as [Quantity, number][]) {
        worst.set(quantity, Math.max(worst.get(quantity) ?? 0, error));
      }
    }
  }
  console.log('\nLargest error of all          bound');
  for (const [quantity, error] of worst) {
    const bound = BOUNDS[quantity];
    console.log(`${quantity.padEnd(20)} ${format(error)}  ${format(bound)}  ${error <= bound ? 'ok' : 'FAILED'}`);
  }
  if (failures > 0) console.log(`\n${failures} of the lines above are beyond a bound.`);
  return failures > 0 ? 1 : 0;
}

function print(golden: GoldenData, measurement: Measurement): void {
  const { flavour, run, utterance, errors } = measurement;
  const { steps, cfg, sway } = golden.runs[run ?? 0]!;
  const where = [
    flavour.padEnd(6),
    `utterance ${utterance} (${golden.utterances[utterance]!.duration} frames)`.padEnd(26),
    (run === undefined ? '' : `run ${run} (${steps} steps, cfg ${cfg}, sway ${sway ?? 'none'})`).padEnd(38),
  ];
  const figures = Object.entries(errors).map(([quantity, error]) => `${quantity} ${format(error)}`);
  console.log(`${where.join(' ')} ${figures.join('   ')}${passes(measurement) ? '' : '   FAILED'}`);
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
