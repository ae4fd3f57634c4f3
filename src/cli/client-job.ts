/** Jobs and items as the server shows them (docs/api.md), as far as the command line reads them. */
import type { ErrorRecord } from '../core/errors.ts';
import { EXIT, formatBar, formatDuration } from './terminal.ts';

export interface ServerJob {
  readonly id: string;
  readonly status: 'planning' | 'running' | 'cancelling' | 'completed' | 'partially_failed' | 'failed' | 'cancelled';
  readonly createdAt: string;
  readonly finishedAt?: string;
  readonly items: { readonly total: number; readonly succeeded: number; readonly failed: number };
  readonly audioSeconds: { readonly predicted: number; readonly finished: number };
  readonly percent: number;
  readonly etaSeconds?: number;
  readonly error?: ErrorRecord;
}

export interface ServerItem {
  readonly line: number;
  /** absent when the line has no usable id */
  readonly id?: string;
  readonly status: 'pending' | 'done' | 'failed';
  readonly output?: string;
  readonly seconds?: number;
  readonly url?: string;
  /** the file beside the audio */
  readonly timings?: object;
  readonly error?: ErrorRecord;
}

export interface ServerPage<T> {
  readonly data: readonly T[];
  readonly cursor?: string;
}

export const isFinished = ({ status }: ServerJob) => !['planning', 'running', 'cancelling'].includes(status);

/** As `narrator run` has them. */
export function exitCodeFor({ status, items }: ServerJob): number {
  if (status === 'completed') return EXIT.whole;
  return status === 'partially_failed' || (status === 'cancelled' && items.succeeded > 0) ? EXIT.partial : EXIT.failed;
}

export function progressLine({ status, percent, items, audioSeconds, etaSeconds }: ServerJob): string {
  const parts = [`${formatBar(percent / 100)} ${Math.floor(percent)} %`];
  if (status === 'running') {
    parts.push(`${items.succeeded}/${items.total} items`);
    parts.push(`${formatDuration(audioSeconds.finished)} of ${formatDuration(audioSeconds.predicted)}`);
  } else parts.push(status);
  if (etaSeconds !== undefined) parts.push(`${formatDuration(etaSeconds)} left`);
  if (items.failed > 0) parts.push(`${items.failed} failed`);
  return parts.join('  ');
}

export function closingLine({ id, status, items, audioSeconds }: ServerJob): string {
  const failed = items.failed > 0 ? `, ${items.failed} failed` : '';
  return `Job ${id} ${status.replace('_', ' ')}: ${items.succeeded} of ${items.total} items${failed}; ${formatDuration(audioSeconds.finished)} of audio`;
}
