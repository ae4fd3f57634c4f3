/**
 * For `node --import tsx --import THIS`: an example finds this project, and a recording in place of Bedrock, under the names that
 * it imports.
 */
import { register } from 'node:module';

const MODULES = {
  'f5-narrator': new URL('../../src/index.ts', import.meta.url).href,
  '@aws-sdk/client-bedrock-runtime': new URL('recorded-bedrock.child.ts', import.meta.url).href,
};

const hooks = `
  const modules = ${JSON.stringify(MODULES)};
  export const resolve = (specifier, context, next) => next(modules[specifier] ?? specifier, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
