// Jest's environment for Node, in a worker that leaves at once when its work is done, or says what keeps it.
const asyncHooks = require('node:async_hooks');
const { writeSync } = require('node:fs');
const { TestEnvironment } = require('jest-environment-node');

/** The type of the message that ends a worker: CHILD_MESSAGE_END of `jest-worker`. */
const END = 2;

/** Milliseconds; less than the `workerGracefulExitTimeout` of jest.config.js, after which Jest ends a worker by force. */
const PATIENCE = 5_000;

/** What keeps this process from ending: timers, servers, connections with their ends, names that are looked up, programs. */
function whatIsOpen() {
  const handles = process._getActiveHandles().map((handle) => {
    const { constructor, spawnfile, localPort, remoteAddress, remotePort } = handle;
    const ends = remoteAddress === undefined ? '' : ` from ${localPort} to ${remoteAddress}:${remotePort}`;
    return `${constructor.name}${ends}${spawnfile === undefined ? '' : ` ${spawnfile}`}`;
  });
  const requests = process
    ._getActiveRequests()
    .map(({ constructor, hostname = '' }) => `${constructor.name} ${hostname}`);
  return [...process.getActiveResourcesInfo(), ...handles, ...requests].join(', ');
}

if (process.send !== undefined) {
  // When nothing is left to wait for, Node first takes its heap apart. With the hundreds of megabytes of a worker, on a busy machine, that takes
  // seconds. A worker that something still keeps open never comes here, so that Jest's complaint still means a leak.
  process.once('beforeExit', () => process.exit());

  process.on('message', ([type]) => {
    if (type !== END) return;
    // With a listener the channel to Jest would keep the process.
    process.removeAllListeners('message');
    setTimeout(() => {
      writeSync(2, `A worker of Jest does not end. It has open: ${whatIsOpen()}\n`);
    }, PATIENCE).unref();
  });
}

const { AsyncLocalStorage } = asyncHooks;

/** Before Node 24, a process does more for each promise that it makes, from the first use of an `AsyncLocalStorage` until that is disabled. */
const isLocalStorageCostly = Number(process.versions.node.split('.')[0]) < 24;

/** Those of the running test file. */
const localStorages = new Set();

/** Node's, for tests. */
class KnownLocalStorage extends AsyncLocalStorage {
  constructor(...given) {
    super(...given);
    localStorages.add(this);
  }
}

/** Stands in for Node's in Jest's runner, which runs each test within one to know which test runs. Ours run one after the other. */
class LocalStorage {
  #store;

  getStore() {
    return this.#store;
  }

  run(store, callback) {
    const before = this.#store;
    const leave = () => {
      this.#store = before;
    };
    this.#store = store;
    let result;
    try {
      result = callback();
    } catch (error) {
      leave();
      throw error;
    }
    if (typeof result?.then === 'function') return result.finally(leave);
    leave();
    return result;
  }
}

/** Tests have a copy of `process`, which hears of no warnings, rejections and exceptions: those that listen for them are told here. */
module.exports = class Environment extends TestEnvironment {
  #tellWarning = (warning) => this.#tell('warning', warning);

  constructor(...given) {
    super(...given);
    // The runner is loaded between this and its event `setup`: it takes what stands here then.
    if (isLocalStorageCostly) asyncHooks.AsyncLocalStorage = LocalStorage;
  }

  handleTestEvent({ name, error, promise }) {
    if (name === 'setup' && isLocalStorageCostly) asyncHooks.AsyncLocalStorage = KnownLocalStorage;
    // Jest forgives a rejection that is handled later. Node does not: it ends the process.
    if (name === 'error')
      this.#tell(promise === undefined ? 'uncaughtException' : 'unhandledRejection', error, promise);
  }

  async setup() {
    await super.setup();
    process.on('warning', this.#tellWarning);
  }

  async teardown() {
    asyncHooks.AsyncLocalStorage = AsyncLocalStorage;
    for (const storage of localStorages) storage.disable();
    localStorages.clear();
    process.off('warning', this.#tellWarning);
    await super.teardown();
  }

  #tell(event, ...given) {
    const ours = process.listeners(event);
    const theirs = this.global?.process.listeners(event) ?? [];
    for (const listener of theirs) if (!ours.includes(listener)) listener(...given);
  }
};
