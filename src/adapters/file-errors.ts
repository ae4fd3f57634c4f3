/** Errors of the file system in the project's words, by their code. */
import { NarratorError } from '../core/errors.ts';

export function errorCode(thrown: unknown): string | undefined {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether it says that there is no such file. ENOTDIR: what should be a folder on the way is a file. */
export const isAbsent = (thrown: unknown) => ['ENOENT', 'ENOTDIR'].includes(errorCode(thrown) ?? '');

/**
 * @param what for the message: 'The object jobs/x/job.json'
 * @param verb 'read', 'written'
 */
export function storeError(thrown: unknown, what: string, verb: string): NarratorError {
  if (thrown instanceof NarratorError) return thrown;
  const code = errorCode(thrown);
  // Not from the file system: a defect.
  if (code === undefined) throw thrown;
  const options = { cause: thrown };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new NarratorError('store_full', `${what} could not be ${verb}: no space is left (${code}).`, {}, options);
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ENOTEMPTY':
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return new NarratorError(
        'key_invalid',
        `${what} could not be ${verb}: its name cannot be used there (${code}).`,
        {},
        options,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new NarratorError(
        'store_unavailable',
        `${what} could not be ${verb}: this user may not (${code}).`,
        { retryable: false, hint: 'Give the user the right to write to this folder, or choose another one.' },
        options,
      );
    default:
      return new NarratorError('store_unavailable', `${what} could not be ${verb} (${code}).`, {}, options);
  }
}
