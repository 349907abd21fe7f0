import type { Mutant } from '../mutant.js';

const ETCD_CONFORMANCE = 'packages/etcd-v3/test/conformance.test.ts';

const QUEUE = 'packages/store/test/watch-queue.test.ts';
const USERS = 'packages/store/test/hostile-users.test.ts';
const RANGE = 'packages/store/test/range.test.ts';

/** What all adapters share: the queue of a watch, ranges, and the delays between tries. */
export const store: readonly Mutant[] = [
  {
    name: 'watch-without-a-queue',
    trap: 4,
    why: 'what comes before anybody listens is dropped, as an event emitter does',
    file: 'packages/store/src/watch-queue.ts',
    find: "    if (this.#end.kind !== 'open') return 'ok';\n    if (this.#waiter",
    replace: "    if (this.#end.kind !== 'open' || !this.#iterated) return 'ok';\n    if (this.#waiter",
    caughtBy: { test: QUEUE, name: 'trap 4: who begins to listen late misses nothing' },
  },
  {
    name: 'watch-queue-of-one',
    trap: 4,
    why: 'a consumer that is busy with one batch finds only the last of those that came meanwhile',
    file: 'packages/store/src/watch-queue.ts',
    find: '    this.#queue.push({ batch, bytes });\n    this.#bytes += bytes;',
    replace: '    this.#queue.clear();\n    this.#queue.push({ batch, bytes });\n    this.#bytes = bytes;',
    caughtBy: { test: QUEUE, name: 'trap 4: who begins to listen late misses nothing' },
  },
  {
    name: 'prefix-as-a-directory',
    trap: 13,
    why: "a prefix is taken for a directory's name in one place and for a plain prefix in another: '/a' and '/ab' differ there",
    file: 'packages/store/src/range.ts',
    find: 'if (this.prefix !== undefined) return key.startsWith(this.prefix);',
    replace:
      "if (this.prefix !== undefined) return key.startsWith(this.prefix.endsWith('/') ? this.prefix : `${this.prefix}/`);",
    caughtBy: { test: RANGE, name: "trap 13: '/a' matches '/ab', and '/a/' matches only what is below it" },
  },
  {
    name: 'prefix-without-its-slash',
    trap: 13,
    why: "the slash that a prefix ends with is lost: '/a/' matches '/ab'",
    file: 'packages/store/src/range.ts',
    find: 'return key.startsWith(this.prefix);',
    replace: "return key.startsWith(this.prefix.replace(/\\/$/, ''));",
    caughtBy: { test: RANGE, name: "trap 13: '/a' matches '/ab', and '/a/' matches only what is below it" },
  },
  {
    name: 'nothing-as-everything',
    trap: 19,
    why: "bounds are compared before the empty start is replaced by the first key: `['', '\\0')` passes, and means everything to etcd",
    file: 'packages/store/src/range.ts',
    find: 'compareBytes(first, end) >= 0',
    replace: 'compareBytes(start, end) >= 0',
    caughtBy: { test: RANGE, name: 'trap 19: an interval before the first key holds nothing' },
  },
  {
    name: 'bounds-of-the-caller',
    trap: 19,
    why: "a range keeps the caller's bytes: changed before the request is sent, they are not the bounds that were checked",
    file: 'packages/store/src/range.ts',
    find: 'new KeyRange(new Uint8Array(first), end && new Uint8Array(end))',
    replace: 'new KeyRange(first, end)',
    caughtBy: { test: RANGE, name: 'trap 19: bytes that the caller changes later change no range' },
  },
  {
    name: 'delays-without-jitter',
    promise: 'M9',
    why: 'the delays between tries double, and are the same in every process: a fleet comes back in step',
    file: 'packages/store/src/backoff.ts',
    find: '    return ceiling * (0.1 + 0.9 * this.#random());',
    replace: '    return ceiling;',
    caughtBy: {
      test: 'packages/core/test/m09-herd-safe.test.ts',
      name: 'a fleet that is compacted away at the same moment does not read again at the same moment',
    },
  },
  {
    name: 'thrown-value-without-a-text',
    trap: 24,
    why: 'the text of a thrown value is asked for as if it were an error: where it has none, that throws again',
    file: 'packages/store/src/message-of.ts',
    find: "  try {\n    return String(value);\n  } catch {\n    return 'a value that cannot be shown as text';\n  }",
    replace: '  return String(value);',
    caughtBy: { test: USERS, name: 'an object without a prototype, by a call' },
  },
  {
    name: 'logger-unguarded',
    trap: 24,
    why: 'a logger that throws breaks whatever was about to be logged',
    file: 'packages/store/src/logger.ts',
    find: '    } catch {\n      // There is nobody left to tell.\n    }',
    replace: '    } finally {\n      // There is nobody left to tell.\n    }',
    caughtBy: { test: USERS, name: 'a logger disturbs nothing .* one that throws' },
  },
  {
    name: 'abort-listeners-not-shared',
    why: 'each call, watch and mirror adds a listener of its own to a signal: Node warns of a leak at the eleventh',
    file: 'packages/store/src/abort-listeners.ts',
    find: '    listenersOf.set(signal, listeners);\n',
    replace: '',
    caughtBy: {
      test: 'packages/store/test/abort-listeners.test.ts',
      name: 'many listeners of a signal are one registration',
    },
  },
  {
    name: 'pino-details-second',
    why: 'pino gets its arguments in the order of console, and drops the details: which error, which endpoint',
    file: 'packages/store/src/logger.ts',
    find: "isPino(given) ? 'details first' : 'message first'",
    replace: "'message first'",
    caughtBy: { test: 'packages/store/test/loggers.test.ts', name: 'a logger of pino keeps everything pino itself' },
  },
  {
    name: 'url-with-a-cut-password',
    why: 'a password whose / or ? is not encoded is taken for a host and a prefix, and repeated by later messages',
    file: 'packages/store/src/store-url.ts',
    find: "  checkAuthority(scheme, endpoints, { userInfo, rest, isCut: rawPath.includes('@') });\n",
    replace: '',
    caughtBy: { test: 'packages/store/test/store-url.test.ts', name: 'a password that has to be encoded is told how' },
  },
  {
    name: 'store-leases-in-keys-only',
    why: 'a list of keys alone tells the leases that its adapter tells: those of etcd up to 3.6, and none of 3.7',
    file: 'packages/store/src/guarded-store.ts',
    find: 'return checked.keysOnly ? withoutContent(list) : list;',
    replace: 'return list;',
    caughtBy: { test: ETCD_CONFORMANCE, name: 'etcd-v3@3.5.\\d+ .*C4.keys-only-tells-no-lease' },
  },
  {
    name: 'store-leases-in-keys-only-of-a-txn',
    why: 'the same of a list in a transaction',
    file: 'packages/store/src/guarded-store.ts',
    find: 'return withoutContentOfLists(checked, await driver.txn(checked, call));',
    replace: 'return driver.txn(checked, call);',
    caughtBy: { test: ETCD_CONFORMANCE, name: 'etcd-v3@3.5.\\d+ .*C9.keys-only-tells-no-lease' },
  },
];
