import type { Mutant } from '../mutant.js';

const OPENFEATURE = 'packages/openfeature/test/provider.test.ts';

/** Mirrors in the frameworks of others. */
export const integrations: readonly Mutant[] = [
  {
    name: 'openfeature-end-as-error',
    why: 'a provider that is replaced tells of the end of its mirror as of a failure',
    file: 'packages/openfeature/src/provider-run.ts',
    find: '    this.#announcer?.end();\n    this.#ending.abort();\n',
    replace: '    this.#ending.abort();\n    this.#announcer?.end();\n',
    caughtBy: { test: OPENFEATURE, name: 'raises no error when it is replaced' },
  },
  {
    name: 'openfeature-bad-flag-as-current',
    why: 'the last good value of a flag is told as current, although its newest value is bad',
    file: 'packages/openfeature/src/resolve.ts',
    find: ' && !mirror.problems().some(({ key }) => key === name)',
    replace: '',
    caughtBy: { test: OPENFEATURE, name: 'goes on with the last good flag when a bad one is written' },
  },
];
