import { existsSync } from 'node:fs';
import tseslint from 'typescript-eslint';

// A package of its own: without what it installs its types are unknown. `npm run test:deploy` installs and lints it.
const deploy = existsSync(new URL('deploy/node_modules', import.meta.url)) ? [] : ['deploy/'];

export default tseslint.config(
  { ignores: ['dist/', 'out/', 'node_modules/', '**/onnx_pb.ts', 'models/', ...deploy] },
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.mjs', '.dependency-cruiser.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Ports are async by contract; an adapter that needs no await is still an adapter.
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
      eqeqeq: ['error', 'always'],
    },
  },
  // The one place that may read the environment is runtime/config.ts; the one that may write to the terminal is the CLI.
  {
    files: ['{src,worker,container}/**/*.ts'],
    ignores: ['src/runtime/config.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/runtime/config.ts reads the environment.' },
      ],
    },
  },
  {
    files: ['{test,deploy/test}/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
    },
  },
  { files: ['scripts/**', 'bench/**', 'examples/**'], rules: { 'no-console': 'off' } },
  { files: ['**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
);
