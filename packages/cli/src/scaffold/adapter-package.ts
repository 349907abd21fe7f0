import { VERSION } from '../version.js';

/** The files of a new adapter's package, by their paths: a store that keeps its entries in the process, to be replaced by a backend, part by part. */
export function adapterPackage(name: string): ReadonlyMap<string, string> {
  const identifier = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const words = { name, identifier, type: identifier.charAt(0).toUpperCase() + identifier.slice(1) };
  const fill = (text: string) =>
    text.replace(/__(name|identifier|type)__/g, (_, word: keyof typeof words) => words[word]);
  return new Map([
    ['package.json', `${JSON.stringify(manifest(name), null, 2)}\n`],
    ['index.js', fill(INDEX)],
    ['driver.js', fill(DRIVER)],
    ['test/conformance.test.js', fill(TEST)],
    ['README.md', fill(README)],
  ]);
}

function manifest(name: string) {
  return {
    name: `holdfast-${name}`,
    version: '0.1.0',
    description: `A Holdfast store on ${name}`,
    type: 'module',
    exports: { '.': './index.js' },
    files: ['index.js', 'driver.js'],
    engines: { node: '>=20' },
    scripts: { test: 'node --test test/' },
    dependencies: { '@holdfast/adapter-kit': `^${VERSION}`, '@holdfast/store': `^${VERSION}` },
    devDependencies: { '@holdfast/testkit': `^${VERSION}` },
  };
}

const INDEX = `// @ts-check
import { createStore } from '@holdfast/adapter-kit';
import { __type__Backend, __identifier__Driver } from './driver.js';

/**
 * A store on __name__. Handles that share a backend see the same data.
 *
 * @param {{ backend?: __type__Backend } & import('@holdfast/adapter-kit').CreateStoreOptions} [options]
 */
export function __identifier__Store({ backend = new __type__Backend(), ...options } = {}) {
  return createStore(__identifier__Driver(backend, options.clock), options);
}

/**
 * Opens __name__: URLs with openStore().
 *
 * @type {import('@holdfast/store').StoreAdapter}
 */
export const __identifier__ = {
  scheme: '__name__',
  // Read what your store needs from the URL: url.endpoints, url.username, url.params.
  open: (_url, options) => __identifier__Store(options),
};
`;

const DRIVER = `// @ts-check
import { randomUUID } from 'node:crypto';
import { boundedHistory, followChanges, listItems, runTxn } from '@holdfast/adapter-kit';

const MAX_EVENTS = 1_000;

/** Declare what your backend can do, and nothing else: the cases of the suite that apply depend on it. */
const CAPABILITIES = /** @type {const} */ ({
  transactions: 'multi-key',
  history: { events: MAX_EVENTS },
  compaction: false,
  leases: false,
  leaseListing: false,
  ttl: false,
  binaryValues: true,
  historicalReads: false,
  deltaReads: true,
  versions: true,
  progress: 'exact',
  keySyntax: 'any',
  guardReturnsCurrent: true,
  rangeDeletes: 'any',
  serializableReads: false,
  previousValues: true,
});

/** Stands for your backend: replace it. What it must do is said at each method. */
export class __type__Backend {
  /** Another identity for each process, since the entries end with it. A backend that keeps them has one identity for as long. */
  history = boundedHistory({ maxEvents: MAX_EVENTS, identity: \`__name__-\${randomUUID()}\` });
  /** @type {Map<string, import('@holdfast/store').KeyValue>} */
  entries = new Map();
  /** @type {Set<() => void>} */
  bells = new Set();
  /** @type {Promise<unknown>} */
  last = Promise.resolve();

  /** Rings when something has changed. A notification of your backend, or nothing: watches also look every second. */
  doorbell = (/** @type {() => void} */ ring) => {
    this.bells.add(ring);
    return () => this.bells.delete(ring);
  };

  /**
   * Runs a transaction, one after the other: all of it becomes visible at one revision, or nothing of it. Resolve when it would survive.
   *
   * @param {import('@holdfast/adapter-kit').DriverTxn} txn
   */
  async transact(txn) {
    const run = this.last.then(() => this.#transact(txn));
    this.last = run.catch(() => undefined);
    return run;
  }

  async #transact(/** @type {import('@holdfast/adapter-kit').DriverTxn} */ txn) {
    const { next: revision } = this.history;
    const draft = new Map(this.entries);
    /** @type {Set<string>} */
    const touched = new Set();
    const inRange = (/** @type {import('@holdfast/adapter-kit').KeyRange} */ range) =>
      [...draft.values()].filter(({ key }) => range.contains(key));
    const result = await runTxn(txn, {
      before: this.history.head(),
      entries: inRange,
      put: (key, value) => {
        const before = draft.get(key);
        touched.add(key);
        // The bytes are copied: they are the caller's.
        const own = { key, value: new Uint8Array(value), version: (before?.version ?? 0) + 1 };
        draft.set(key, { ...own, createRevision: before?.createRevision ?? revision, modRevision: revision });
      },
      delete: (range) => {
        for (const { key } of inRange(range)) {
          touched.add(key);
          draft.delete(key);
        }
      },
      revision: () => revision,
    });
    this.#commit(draft, touched);
    return result;
  }

  #commit(/** @type {Map<string, import('@holdfast/store').KeyValue>} */ draft, /** @type {Set<string>} */ touched) {
    const { next: revision } = this.history;
    /** @type {import('@holdfast/store').WatchEvent[]} */
    const events = [];
    for (const key of touched) {
      const [before, current] = [this.entries.get(key), draft.get(key)];
      const previous = before && { previous: before };
      if (current) events.push({ type: 'put', revision, current, isCreate: !before, ...previous });
      else if (before) events.push({ type: 'delete', revision, key, ...previous });
    }
    if (events.length === 0) return;
    this.history.append(events);
    this.entries = draft;
    for (const ring of [...this.bells]) ring();
  }
}

/**
 * Translates between the contract and the backend, and does nothing else.
 *
 * @param {__type__Backend} backend
 * @param {import('@holdfast/store').Clock} [clock]
 * @returns {import('@holdfast/adapter-kit').StoreDriver}
 */
export function __identifier__Driver(backend, clock) {
  const one = async (/** @type {import('@holdfast/adapter-kit').DriverOp} */ op) => {
    const { results } = await backend.transact({ if: [], then: [op], else: [] });
    const { type: _, ...result } = /** @type {any} */ (results[0]);
    return result;
  };
  return {
    name: '__name__',
    capabilities: CAPABILITIES,
    async list(range, options) {
      // Not before the writes that are under way.
      await backend.last;
      const items = [...backend.entries.values()].filter(({ key }) => range.contains(key));
      return { ...listItems(items, options), bookmark: backend.history.head() };
    },
    put: (key, value, options) => one({ type: 'put', key, value, options }),
    delete: (range, options) => one({ type: 'delete', range, options }),
    txn: (txn) => backend.transact(txn),
    watch: followChanges({
      head: () => backend.history.head(),
      // From one snapshot: the head, what is gone, and the changes.
      changesSince: (after) => backend.history.changesSince(after),
      doorbell: backend.doorbell,
      clock,
    }),
    async status() {
      return { version: '0.1.0', members: [], ...backend.history.head() };
    },
    // Ends the connections of this handle.
    async close() {},
  };
}
`;

const TEST = `// @ts-check
import { createStore, strictDriver } from '@holdfast/adapter-kit';
import { describeConformance } from '@holdfast/testkit/node-test';
import { __type__Backend, __identifier__Driver } from '../driver.js';

describeConformance('__name__', () => {
  const backend = new __type__Backend();
  return {
    scanKeys: 200,
    backlogRevisions: 100,
    // strictDriver names the mistakes of a watch that you write yourself.
    open: (options) => createStore(strictDriver(__identifier__Driver(backend)), options),
    // With these hooks more cases run: see the page on conformance.
    hooks: {},
  };
});
`;

const README = `# holdfast-__name__

A store of Holdfast on __name__.

    npm install
    npm test    # the conformance suite

The adapter keeps its entries in the process as yet. Replace \`__type__Backend\` in \`driver.js\`, and run the suite after each step. "Writing an adapter", in
Holdfast's documentation, says in which order, and what the rules are.
`;
