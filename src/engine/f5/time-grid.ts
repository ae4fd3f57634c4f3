/** The times at which the ODE solver evaluates the network. */
import { NarratorError } from '../../core/errors.ts';

/**
 * Empirically pruned step sampling: times in 32nds that few steps are best spent on (F5-TTS, model/utils.py,
 * `get_epss_timesteps`; arXiv 2505.19931). Other numbers of steps are spaced evenly.
 */
const EPSS_32NDS: Readonly<Record<number, readonly number[]>> = {
  5: [0, 2, 4, 8, 16, 32],
  6: [0, 2, 4, 6, 8, 16, 32],
  7: [0, 2, 4, 6, 8, 16, 24, 32],
  10: [0, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32],
  12: [0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32],
  16: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32],
};

/** More steps change nothing audible; the limit keeps a wrong number from running for hours. */
export const MOST_STEPS = 1024;

/**
 * steps + 1 times from 0 to 1, computed in single precision as upstream does.
 *
 * @param sway coefficient s of sway sampling, t + s · (cos(πt/2) - 1 + t): below 0 more steps near 0; null for none
 * @param options.epss use the pruned times where there is a table for that number of steps (upstream's default)
 * @throws NarratorError config_invalid if steps is not an integer of 1 .. MOST_STEPS, or sway not a finite number
 */
export function timeGrid(steps: number, sway: number | null, { epss = true }: { epss?: boolean } = {}): Float32Array {
  if (!Number.isInteger(steps) || steps < 1 || steps > MOST_STEPS) {
    throw new NarratorError('config_invalid', `steps must be an integer from 1 to ${MOST_STEPS}, not ${steps}`, {
      field: 'steps',
      limit: MOST_STEPS,
    });
  }
  if (sway !== null && !Number.isFinite(sway)) {
    throw new NarratorError('config_invalid', `sway must be a finite number or null, not ${sway}`, { field: 'sway' });
  }
  const table = epss ? EPSS_32NDS[steps] : undefined;
  const times = table === undefined ? evenTimes(steps) : Float32Array.from(table, (part) => part / 32);
  return sway === null ? times : times.map((time) => swayed(time, sway));
}

/** torch.linspace(0, 1, steps + 1): the second half is counted from the end. */
function evenTimes(steps: number): Float32Array {
  const size = Math.fround(1 / steps);
  return Float32Array.from({ length: steps + 1 }, (_, i) =>
    i < (steps + 1) / 2 ? size * i : 1 - Math.fround(size * (steps - i)),
  );
}

/** Every operation rounds to single precision, as it does in PyTorch. */
function swayed(time: number, sway: number): number {
  const cosine = Math.fround(Math.cos(Math.fround(Math.fround(Math.PI / 2) * time)));
  const bend = Math.fround(Math.fround(cosine - 1) + time);
  return Math.fround(time + Math.fround(Math.fround(sway) * bend));
}
