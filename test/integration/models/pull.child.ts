/** Pulls the miniature model in a process of its own, to be killed: `pull.child.ts <hub URL> <models directory> <catalogue file>`. */
import { readFile } from 'node:fs/promises';
import { fetchFile } from '../../../src/adapters/fetch-file.ts';
import type { CatalogueModel } from '../../../src/engine/models/catalogue.ts';
import { pullModel } from '../../../src/engine/models/pull-model.ts';

const [mirror = '', modelsDirectory = '', cataloguePath = ''] = process.argv.slice(2);
const catalogue = JSON.parse(await readFile(cataloguePath, 'utf8')) as CatalogueModel[];
await pullModel('mini', {
  modelsDirectory,
  mirror,
  catalogue,
  fetchFile,
  onEvent: ({ event }) => process.stdout.write(`${event}\n`),
});
