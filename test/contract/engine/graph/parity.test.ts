/** The graphs against plain PyTorch runs (test/fixtures/golden), as `npm run parity` does it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readGoldenData } from '../../../../scripts/parity/golden-data.ts';
import { boundsOf, measureFlavour, passes } from '../../../../scripts/parity/measure.ts';

const bound = boundsOf({});
const golden = readGoldenData(join(import.meta.dirname, '../../../fixtures/golden'));

for (const flavour of golden.flavours) {
  test(`${flavour.name}: mel, sampler and vocoder equal the official runs, alone and in a batch`, async () => {
    const measurements = await measureFlavour(golden, flavour, { threads: 2 });
    const perUtterance = 2 + golden.runs.length; // mel, vocoder, and each run of the sampler
    assert.equal(measurements.length, perUtterance * golden.utterances.length);
    assert.deepEqual(
      measurements.filter((measurement) => !passes(measurement, bound)),
      [],
    );
  });
}

test('all four flavours are there', () => {
  assert.deepEqual(golden.flavours.map(({ name }) => name).sort(), ['avg', 'rms', 'v0', 'v1']);
});

test('a figure beyond its bound does not pass, nor one that is not a number', () => {
  const measured = (error: number) => ({ flavour: 'v1', utterance: 0, errors: { sampler: error } });
  assert.ok(passes(measured(bound('sampler')), bound));
  assert.ok(!passes(measured(bound('sampler') * 1.01), bound));
  assert.ok(!passes(measured(Infinity), bound));
  assert.ok(!passes(measured(NaN), bound));
});

test('a folder that is not golden data is refused by name', () => {
  assert.throws(() => readGoldenData(import.meta.dirname), /Cannot read golden.json in .*graph/);
});
