import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { root } from './.ci/pnpm.mjs';

/** Package folder → the workspace packages that its sources may import. Tests may import any of them. */
const direction = JSON.parse(readFileSync(join(root, '.ci', 'dependency-direction.json'), 'utf8'));
const names = Object.keys(direction).map((folder) => (folder === 'cli' ? 'holdfast' : `@holdfast/${folder}`));

/** The imports that `no-restricted-imports` refuses in a package's sources. */
function forbiddenImports(folder) {
  const may = direction[folder];
  return [
    {
      regex: `^(${names.filter((name) => !may.includes(name)).join('|')})(/|$)`,
      message: `${folder} may import ${may.length === 0 ? 'no workspace package' : may.join(', ')}.`,
    },
    {
      regex: '(^|/)\\.\\./.*\\b(src|test|dist)/',
      message: "Import another package by its name, and never a test's code.",
    },
  ];
}

const restrictedSyntax = [
  { selector: 'ExportAllDeclaration', message: 'Name every export.' },
  { selector: 'MetaProperty[meta.name="import"]', message: 'The sources are compiled to CommonJS too.' },
];

export default defineConfig(
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
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Implementing a promise-returning interface without awaiting is ordinary; a missing await is caught by no-floating-promises.
      '@typescript-eslint/require-await': 'off',
      // An error about bad input shows the caller's value, of whatever type.
      '@typescript-eslint/no-base-to-string': 'off',
      eqeqeq: 'error',
      'no-constant-binary-expression': 'error',
      'no-restricted-syntax': ['error', ...restrictedSyntax],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  // A library reports through the injected logger; only the command line prints.
  {
    files: ['packages/*/src/**/*.ts', 'checks/*/src/**/*.ts'],
    ignores: ['packages/cli/**'],
    rules: { 'no-console': 'error' },
  },
  // Jest's fake timers replace it, and who uses them waits for no tick of this kind: a connection that used it hung.
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/store/src/real-timers.ts', 'packages/cli/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'queueMicrotask', message: 'Fake timers of tests replace it: use inThisTurn.' },
      ],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/store/src/abort-listeners.ts', 'packages/cli/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...restrictedSyntax,
        {
          selector: 'CallExpression[callee.property.name="addEventListener"]',
          message: 'Node warns at the eleventh listener of a signal: use addAbortListener.',
        },
      ],
    },
  },
  {
    files: [
      'packages/*/test/**/*.ts',
      'checks/*/test/**/*.ts',
      'examples/*/test/**/*.ts',
      'bench/test/**/*.ts',
      '.ci/test/**/*.ts',
    ],
    rules: {
      // A test may assert that an entry exists when it has just seen it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-properties': [
        'error',
        ...['test', 'describe', 'it'].flatMap((object) =>
          ['skip', 'only', 'todo'].map((property) => ({ object, property, message: 'A test runs, or is not there.' })),
        ),
      ],
    },
  },
  ...Object.keys(direction).map((folder) => ({
    files: [`packages/${folder}/src/**/*.ts`, `checks/${folder}/src/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: forbiddenImports(folder) }] },
  })),
);
