/** `npm run check:images`: what can be checked of the Dockerfile and of docker-compose.yml where there is no Docker. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemsOfCompose } from './images/compose.ts';
import { problemsOfDockerfile } from './images/dockerfile.ts';

const root = join(import.meta.dirname, '..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const targets = ['api', 'worker', 'worker-cuda', 'sagemaker', 'sagemaker-emulator'];

const problems = [
  ...problemsOfDockerfile(read('Dockerfile'), {
    exists: (path) => existsSync(join(root, path)),
    ignore: read('.dockerignore'),
    targets,
  }).map((problem) => `Dockerfile: ${problem}`),
  ...problemsOfCompose(read('docker-compose.yml'), { targets, example: read('.env.example') }).map(
    (problem) => `docker-compose.yml: ${problem}`,
  ),
];
for (const problem of problems) console.error(`error  ${problem}`);
console.log(`${targets.length} images and docker-compose.yml: ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
