/** The flag of the commands that take a lexicon of their own, and what they say of words that it has in vain. */
import type { Command } from 'commander';
import type { LexiconEntry } from '../core/lexicon.ts';
import type { Terminal } from './terminal.ts';

export interface LexiconFlag {
  lexicon?: string;
}

export function addLexiconFlag(command: Command): Command {
  return command.option(
    '--lexicon <file>',
    'words with a pronunciation of their own (.json, .csv, .pls): before those of the voice and of NARRATOR_LEXICON',
  );
}

/** @throws NarratorError config_invalid naming file, entry and field */
export async function lexiconOption(
  { lexicon: path }: LexiconFlag,
  terminal: Pick<Terminal, 'note'>,
): Promise<{ lexicon?: LexiconEntry[] }> {
  if (path === undefined) return {};
  const { readLexicon, skippedMessage } = await import('../runtime/open-lexicon.ts');
  const { entries, skipped } = await readLexicon(path);
  const message = skippedMessage(skipped);
  if (message !== undefined) terminal.note(message);
  return { lexicon: entries };
}
