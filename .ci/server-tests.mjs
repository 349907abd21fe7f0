// Finds the test files that need a real server, another program, or the built command, which takes a quarter of a minute to build.
// `npm run test:fast` runs all the others.
//
// A file needs a server if it imports a launcher of servers by name, or imports, by a relative path, a module that does. So nobody keeps a list:
// a new test is sorted by its imports. A test that reaches a server in another way fails in `npm run test:fast`, and says what to do.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { root } from './pnpm.mjs';

/** The exports of `@holdfast/testkit` that start or find servers. */
const launchers = ['availableEtcds', 'findEtcd', 'startEtcd', 'availablePostgres', 'findPostgres', 'startPostgres'];

/** The module behind them, for the testkit's own tests, and the one that builds the command. */
const launcherModules = ['packages/testkit/src/etcd/etcd-binary.ts', 'packages/cli/test/support/build-command.ts'];

/** Tests that start servers, npm, test runners, a compiler or other programs without importing a launcher. They wait for those, for seconds. */
export const startOthers = [
  'bench/test/other-checkout-run.test.ts',
  'checks/mutation/test/run-mutant.test.ts',
  'checks/mutation/test/mutants.test.ts',
  'examples/http-kv/test/http-kv.test.ts',
  'packages/testkit/test/runners.test.ts',
  '.ci/test/npm-pack.test.ts',
  '.ci/test/published-types.test.ts',
  '.ci/test/rooms.test.ts',
  'packages/core/test/option-types.test.ts',
  '.ci/test/server-tests.test.ts',
];

/** Tests whose imports reach a launcher that they never call. */
export const callNoLauncher = ['bench/test/documents.test.ts', 'bench/test/verdict.test.ts'];

/** Every test file, from the root, as `{ server, fast }`. */
export function sortTests() {
  const server = [];
  const fast = [];
  for (const test of ['packages', 'checks', 'examples', 'bench', '.ci'].flatMap((folder) =>
    testsBelow(join(root, folder)),
  )) {
    const path = fromRoot(test);
    const needsServer = startOthers.includes(path) || (!callNoLauncher.includes(path) && reachesLauncher(test));
    (needsServer ? server : fast).push(path);
  }
  return { server, fast };
}

function testsBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : testsBelow(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

function reachesLauncher(file, seen = new Set()) {
  if (launcherModules.includes(fromRoot(file))) return true;
  if (seen.has(file)) return false;
  seen.add(file);
  return importsOf(file).some(({ names, from }) => {
    if (from === '@holdfast/testkit') return names.some((name) => name === '*' || launchers.includes(name));
    const source = from.startsWith('.') ? sourceOf(resolve(dirname(file), from)) : undefined;
    return source !== undefined && reachesLauncher(source, seen);
  });
}

/** The modules that a file loads, and the names that it takes from them. Types are gone when it runs. */
function importsOf(file) {
  const statements = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\s+(?!type\b)(?:([^;'"]*?)\s+from\s+)?['"]([^'"]+)['"]/gm,
  );
  return [...statements].map(([, names = '', from]) => ({
    from,
    names: names
      .replaceAll(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim().split(/\s+as\s+/)[0])
      .filter((name) => name !== '' && !name.startsWith('type ')),
  }));
}

function sourceOf(path) {
  const source = path.replace(/\.js$/, '.ts');
  return source.endsWith('.ts') && existsSync(source) ? source : undefined;
}

function fromRoot(path) {
  return relative(root, path).split(sep).join('/');
}
