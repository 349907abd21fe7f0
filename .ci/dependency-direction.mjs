// Which workspace package may import which, in its sources. Tests may import any of them.

/** Package folder → the workspace packages that its sources may import, by the names users type. */
const allowed = {
  store: [],
  core: ['@holdfast/store'],
  memory: ['@holdfast/store'],
  'etcd-v3': ['@holdfast/store'],
  'etcd-v2': ['@holdfast/store'],
  testkit: ['@holdfast/store'],
  cli: ['@holdfast/store', '@holdfast/core', '@holdfast/memory', '@holdfast/etcd-v3', '@holdfast/etcd-v2'],
};

const names = Object.keys(allowed).map((folder) => (folder === 'cli' ? 'holdfast' : `@holdfast/${folder}`));

/** For each folder, patterns for ESLint's `no-restricted-imports`. */
export const mayImport = Object.entries(allowed).map(([folder, may]) => ({
  folder,
  forbidden: [
    {
      regex: `^(${names.filter((name) => !may.includes(name)).join('|')})(/|$)`,
      message: `${folder} may import ${may.length === 0 ? 'no workspace package' : may.join(', ')}.`,
    },
    {
      regex: '(^|/)\\.\\./.*\\b(src|test|dist)/',
      message: "Import another package by its name, and never a test's code.",
    },
  ],
}));

/** Package folder → the workspace packages that its manifest may name as a run-time or peer dependency. */
export const mayDepend = allowed;
