import type { Mutant } from '../mutant.js';

const FUZZ = {
  test: 'checks/fuzz/test/sample.test.ts',
  name: 'random calls come to the same on the memory store and on etcd 3.5.\\d+$',
};

const ATTACKS = 'checks/hostile/test/sample.test.ts';
const V3_ATTACKS = { test: ATTACKS, name: ': etcd v3' };
const V2_ATTACKS = { test: ATTACKS, name: ': etcd v2' };

/** Bugs that were found by random calls and hostile servers, put back: the samples that every run of all tests has must find them again. */
export const campaigns: readonly Mutant[] = [
  {
    name: 'fuzz-nothing-as-everything',
    trap: 19,
    why: "bounds are compared before the empty start is replaced by the first key: `['', '\\0')` passes, where it holds nothing",
    file: 'packages/store/src/range.ts',
    find: 'compareBytes(first, end) >= 0',
    replace: 'compareBytes(start, end) >= 0',
    caughtBy: FUZZ,
  },
  {
    name: 'fuzz-compaction-without-its-revision',
    why: 'a list of the past inside a transaction does not say which revision is the oldest that can be read',
    file: 'packages/etcd-v3/src/kv/txn.ts',
    find: "    if (!isStoreError(error, 'compacted') || oldest === undefined) throw error;",
    replace: '    if (isStoreError(error) || oldest === undefined) throw error;',
    caughtBy: FUZZ,
  },
  {
    name: 'fuzz-read-of-unknown-outcome',
    why: 'a transaction that only reads, and was refused, says that it may have been applied',
    file: 'packages/store/src/guarded-store.ts',
    find: "if (!writesAnything(checked)) kind = 'read';",
    replace: '',
    caughtBy: FUZZ,
  },
  {
    name: 'attacked-takes-any-key',
    trap: 20,
    why: "a read is not held against its range: `get('mine')` gives another key's value",
    file: 'packages/etcd-v3/src/kv/range-rules.ts',
    find: 'if (!this.#range.contains(keyBuffer.subarray(keyFrom, keyTo)))',
    replace: 'if (this.#range.end === keyBuffer.subarray(keyFrom, keyTo))',
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-list-ends-with-any-key',
    trap: 20,
    why: 'the last key of a list is not held against its range',
    file: 'packages/etcd-v3/src/kv/range-rules.ts',
    find: 'if (!this.#range.contains(key.subarray(from, to))) throw',
    replace: 'if (from > to) throw',
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-scan-ends-short',
    trap: 20,
    why: 'a scan whose pages have fewer keys than its count ends as if that were all',
    file: 'packages/etcd-v3/src/kv/read-ahead.ts',
    find: "    if (this.#requests.length === 0) throw this.#mismatch('fewer');\n    return true;",
    replace: '    return this.#requests.length > 0;',
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-bad-event-ends-the-watch',
    trap: 20,
    why: 'an event of revision 0 ends its watch for good, and with it the mirror',
    file: 'packages/etcd-v3/src/watch/session.ts',
    find: '    this.#interrupt(error);\n    this.#rest();\n  }\n\n  late',
    replace: '    this.#fail(error);\n  }\n\n  late',
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-revision-is-invalid-argument',
    trap: 20,
    why: "a revision of the server's that is none counts as a bad argument of the caller's: final, and a mirror is closed for good",
    file: 'packages/etcd-v3/src/protobuf/bad-answer.ts',
    find: 'throw badAnswer(`etcd sent ${String(value)} as ${what}`);',
    replace: "throw new StoreError('invalid-argument', what);",
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-event-from-the-future',
    trap: 20,
    why: "an event that is newer than its response's own revision is delivered, and the watch goes on past what came before it",
    file: 'packages/etcd-v3/src/watch/events.ts',
    find: 'if (revision > head) throw',
    replace: 'if (revision > head && event.size < 0) throw',
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-refused-poll-lost',
    why: 'a long poll that is refused is told to nobody: the watch is live, and polls no more',
    file: 'packages/etcd-v2/src/connection/poll.ts',
    find: 'if (taken === undefined) handlers.onFail(errorOf(request, response, endpoint), header);',
    replace: 'if (taken === undefined) errorOf(request, response, endpoint);',
    caughtBy: V2_ATTACKS,
  },
  {
    name: 'attacked-truncated-poll-lost',
    why: 'a long poll whose answer is cut off is told to nobody: the watch is live, and polls no more',
    file: 'packages/etcd-v2/src/connection/http-exchange.ts',
    find: '    this.#over = true;\n    this.#handlers.onFail(error, this.sent);\n  }\n\n  /** Runs',
    replace:
      '    this.#over = true;\n    if (this.#head.status === 0) this.#handlers.onFail(error, this.sent);\n  }\n\n  /** Runs',
    caughtBy: V2_ATTACKS,
  },
  {
    name: 'attacked-refusal-of-a-poll-for-a-write',
    why: "a long poll's refusal, sent as the answer to a write, counts as proof that nothing was written",
    file: 'packages/etcd-v2/src/errors.ts',
    find: "    if (kind === 'write' && own.errorCode === OF_POLLS) return BROKEN;\n",
    replace: '',
    caughtBy: V2_ATTACKS,
  },
  {
    name: 'attacked-count-as-size',
    why: "a server's count decides how much memory is taken",
    file: 'packages/core/src/util/large-map.ts',
    find: 'const MOST_PARTS = 1_024;',
    replace: 'const MOST_PARTS = 1_048_576;',
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-fragments-without-a-bound',
    why: 'fragments are collected for as long as they come, while the watch says that it is live',
    file: 'packages/etcd-v3/src/watch/fragments.ts',
    find: 'if (fragment && bytes > maxResponseBytes) {',
    replace: 'if (fragment && bytes < 0) {',
    caughtBy: V3_ATTACKS,
  },
  {
    name: 'attacked-body-without-a-bound',
    why: 'a body without an end fills the memory',
    file: 'packages/etcd-v2/src/connection/http-exchange.ts',
    find: '    if (this.#body.length > this.#maxBytes) this.fail(tooLarge(this.#maxBytes));\n',
    replace: '',
    caughtBy: V2_ATTACKS,
  },
];
