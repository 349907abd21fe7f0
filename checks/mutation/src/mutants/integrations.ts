import type { Mutant } from '../mutant.js';

const OPENFEATURE = 'packages/openfeature/test/provider.test.ts';
const FASTIFY = 'packages/fastify/test/plugin.test.ts';
const OPENTELEMETRY = 'packages/opentelemetry/test/memory.test.ts';
const NESTJS = 'packages/nestjs/test/module.test.ts';

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
  {
    name: 'fastify-late-mirror-left-open',
    why: 'a mirror that opens after the application has closed stays open for ever',
    file: 'packages/fastify/src/opened.ts',
    find: '    if (this.#ending.signal.aborted) await mirror.close();\n',
    replace: '',
    caughtBy: { test: FASTIFY, name: 'closes a mirror that opens after the plugin has timed out' },
  },
  {
    name: 'fastify-late-store-left-open',
    why: 'a store that opens after the application has closed stays open for ever',
    file: 'packages/fastify/src/opened.ts',
    find: '    if (this.#ending.signal.aborted) await store.close();\n',
    replace: '',
    caughtBy: { test: FASTIFY, name: 'closes a store that opens after the plugin has timed out' },
  },
  {
    name: 'fastify-close-before-late-mirrors',
    why: 'the application counts as closed while a mirror is still opening',
    file: 'packages/fastify/src/opened.ts',
    find: '    await Promise.allSettled(this.#opening);\n',
    replace: '',
    caughtBy: { test: FASTIFY, name: 'tells the first failure at once, and closes later what opens later' },
  },
  {
    name: 'fastify-failure-after-the-slowest',
    why: 'the application is told of a failure only when the slowest mirror has opened',
    file: 'packages/fastify/src/opened.ts',
    find: '      await Promise.all(opening);\n',
    replace: '      await Promise.allSettled(opening).then(() => Promise.all(opening));\n',
    caughtBy: { test: FASTIFY, name: 'tells the first failure at once, and closes later what opens later' },
  },
  {
    name: 'fastify-prefix-ignored',
    why: 'the prefix of the registration is taken, and does nothing',
    file: 'packages/fastify/src/plugin.ts',
    find: 'app.get(withPrefix(prefix, path), log,',
    replace: 'app.get(path, log,',
    caughtBy: { test: FASTIFY, name: "applies Fastify's own options to the readiness route" },
  },
  {
    name: 'opentelemetry-closed-mirrors-live-on',
    why: 'with cumulative temporality, the last figures of a closed mirror are exported for ever',
    file: 'packages/opentelemetry/src/metrics.ts',
    find: 'this.#shown.show(this.#mirrors.figures())',
    replace: 'this.#mirrors.figures()',
    caughtBy: { test: OPENTELEMETRY, name: 'with cumulative temporality, the gauges of a closed mirror go to 0' },
  },
  {
    name: 'opentelemetry-zeros-for-ever',
    why: 'each name that a mirror ever had is kept in memory and exported as 0',
    file: 'packages/opentelemetry/src/shown-mirrors.ts',
    find: ' || zeros === ZEROS',
    replace: '',
    caughtBy: { test: OPENTELEMETRY, name: 'observes mirrors by their name' },
  },
  {
    name: 'opentelemetry-disabled-spans-stay-open',
    why: 'the span of a call that is under way when the instrumentation is disabled never ends',
    file: 'packages/opentelemetry/src/instrumentation.ts',
    find: '    this.#spans.end();\n',
    replace: '',
    caughtBy: { test: OPENTELEMETRY, name: 'disable ends the spans of calls' },
  },
  {
    name: 'nestjs-one-name-twice',
    why: 'two modules provide the same tokens, of which one wins in silence',
    file: 'packages/nestjs/src/registry.ts',
    find: 'if (!this.#lifetimes.has(name)) {',
    replace: 'if (name === undefined || !this.#lifetimes.has(name)) {',
    caughtBy: { test: NESTJS, name: 'refuses two modules of the name undefined' },
  },
  {
    name: 'nestjs-refused-modules-left-open',
    why: 'the store of a module stays open for ever when the application is refused',
    file: 'packages/nestjs/src/registry.ts',
    find: '    for (const each of this.#lifetimes.values()) each.close().catch(() => undefined);\n',
    replace: '',
    caughtBy: { test: NESTJS, name: 'refuses two modules of the name' },
  },
  {
    name: 'nestjs-mirrors-share-a-token',
    why: 'mirrors of one name in two modules have the same token',
    file: 'packages/nestjs/src/tokens.ts',
    find: 'Symbol.for(`@holdfast/nestjs:mirror-of:${JSON.stringify([module, name])}`)',
    replace: 'Symbol.for(`@holdfast/nestjs:mirror:${name}`)',
    caughtBy: { test: NESTJS, name: 'tells several stores apart by the name of their module' },
  },
  {
    name: 'nestjs-health-of-one-module',
    why: 'the readiness probe knows the mirrors of one module only',
    file: 'packages/nestjs/src/registry.ts',
    find: 'for (const [module, { mirrors }] of this.#lifetimes) {',
    replace: 'for (const [module, { mirrors }] of [...this.#lifetimes].slice(0, 1)) {',
    caughtBy: { test: NESTJS, name: 'tells several stores apart by the name of their module' },
  },
];
