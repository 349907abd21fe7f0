/** @type {import('jest').Config} */
export default {
  roots: ['packages', 'checks', 'examples', 'bench', '.ci'].map((folder) => `<rootDir>/${folder}`),
  testMatch: ['packages/*', 'checks/*', 'examples/*', 'bench', '.ci'].map(
    (folder) => `<rootDir>/${folder}/test/**/*.test.ts`,
  ),
  globalSetup: '<rootDir>/.ci/jest-global-setup.mjs',
  testEnvironment: '<rootDir>/.ci/jest-environment.cjs',
  testSequencer: '<rootDir>/.ci/jest-sequencer.mjs',
  // Only a test that hangs takes it: the longest take half a minute, and a busy machine several times as long.
  testTimeout: 600_000,
  // Many tests wait for servers, so that two cores have room for three. With four a slow machine has no time left for what must come soon.
  maxWorkers: 3,
  workerThreads: false,
  // On a busy machine half a second, Jest's own limit, is not enough for a process to end. One that something keeps open stays for ever.
  workerGracefulExitTimeout: 10_000,
  cacheDirectory: '<rootDir>/.cache/jest',
  modulePathIgnorePatterns: [
    '<rootDir>/(packages|checks|examples)/[^/]+/dist/',
    '<rootDir>/bench/dist/',
    '<rootDir>/.cache/',
  ],

  // Tests run the sources. JavaScript comes first, so that a dependency that ships both runs its built files.
  moduleFileExtensions: ['js', 'ts', 'cjs', 'mjs', 'json', 'node'],
  moduleNameMapper: {
    '^@holdfast/(store|core|memory|lmdb|files|postgres|adapter-kit|coordination|opentelemetry|openfeature|fastify|nestjs|etcd-common|etcd-v2|etcd-v3|testkit)$':
      '<rootDir>/packages/$1/src/index.ts',
    '^@holdfast/locks/judging$': '<rootDir>/checks/locks/src/judging.ts',
    '^@holdfast/simulation$': '<rootDir>/checks/simulation/src/index.ts',
    '^@holdfast/store/adapter$': '<rootDir>/packages/store/src/adapter.ts',
    '^@holdfast/core/file-snapshot$': '<rootDir>/packages/core/src/snapshot/file/index.ts',
    '^@holdfast/core/replicate$': '<rootDir>/packages/core/src/replicate/index.ts',
    '^@holdfast/core/yaml$': '<rootDir>/packages/core/src/values/yaml.ts',
    '^@holdfast/files/format$': '<rootDir>/packages/files/src/folder-format.ts',
    '^@holdfast/testkit/([^/]+)$': '<rootDir>/packages/testkit/src/$1.ts',
    '^holdfast$': '<rootDir>/packages/cli/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: { target: 'es2022', parser: { syntax: 'typescript' }, keepClassNames: true },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
};
