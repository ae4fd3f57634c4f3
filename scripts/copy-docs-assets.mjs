/** Puts what the docs page needs of Swagger UI into the build, so that the package needs no other at run time. */
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The licence asks for itself and its notice to go along. */
const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'LICENSE', 'NOTICE'];

const from = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));
const to = fileURLToPath(new URL('../dist/src/api/swagger-ui/', import.meta.url));
await mkdir(to, { recursive: true });
for (const file of FILES) await copyFile(join(from, file), join(to, file));
