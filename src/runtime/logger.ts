/**
 * The log: pino on standard error, one JSON object a line, every line with an `event`. Never texts, audio, secrets or
 * signed addresses; what carries ids is bound inwards with `child`.
 */
import { destination, pino, type Logger as PinoLogger } from 'pino';
import type { Config } from './config.ts';

export type Logger = PinoLogger;

export function createLogger(level: Config['logLevel']): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      redact: { paths: ['token', '*.token', 'authorization', '*.authorization'], censor: '[redacted]' },
    },
    // Synchronous: the last line before a crash is the one that matters, and a narrator logs little.
    destination({ fd: 2, sync: true }),
  );
}

/** The shape in which rooms that know no logger take one: a function. */
export function logFunction(logger: Logger): (event: string, fields?: Record<string, unknown>) => void {
  return (event, fields) => {
    const failed = fields !== undefined && 'error' in fields;
    logger[failed ? 'warn' : 'info']({ event, ...fields });
  };
}
