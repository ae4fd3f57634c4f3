/** What every command is given. */
import type { Config } from '../runtime/config.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Terminal } from './terminal.ts';

export interface CliContext {
  readonly config: Config;
  readonly terminal: Terminal;
  /** commands add what must be closed, and listen to its signal */
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
  /** exit code of a command that ended without an error */
  readonly exit: (code: number) => void;
  /** what is said to whom interrupts the command from now on: what is kept, and how to go on */
  readonly onInterrupt: (remark: string) => void;
}
