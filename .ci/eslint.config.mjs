import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';
import { mayImport } from './dependency-direction.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export default tseslint.config(
  { ignores: ['**/node_modules/', '**/dist/', '.cache/', '**/coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: '.ci/tsconfig.check.json', tsconfigRootDir: root } },
    rules: {
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Implementing a promise-returning interface without awaiting is ordinary; a missing await is caught by no-floating-promises.
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
      'no-constant-binary-expression': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name every export.' },
        { selector: 'MetaProperty[meta.name="import"]', message: 'The sources are compiled to CommonJS too.' },
      ],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  // A library hands what it has to say to the injected logger; only the command line prints.
  { files: ['packages/*/src/**/*.ts'], ignores: ['packages/cli/**'], rules: { 'no-console': 'error' } },
  {
    files: ['packages/*/test/**/*.ts', '.ci/test/**/*.ts'],
    rules: {
      // A test that was just told that an entry is there may say so.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      'no-restricted-properties': [
        'error',
        ...['test', 'describe', 'it'].flatMap((object) =>
          ['skip', 'only', 'todo'].map((property) => ({ object, property, message: 'A test runs, or is not there.' })),
        ),
      ],
    },
  },
  // Which package may import which: the same table that the manifests are checked against.
  ...mayImport.map(({ folder, forbidden }) => ({
    files: [`packages/${folder}/src/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: forbidden }] },
  })),
);
