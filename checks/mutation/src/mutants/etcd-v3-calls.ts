import type { Mutant } from '../mutant.js';

const PROXY = 'packages/etcd-v3/test/proxy-answers.test.ts';
const HOSTILE = 'packages/etcd-v3/test/hostile-answers.test.ts';
const FAULTS = 'packages/etcd-v3/test/faults.test.ts';

/** Calls of the etcd v3 adapter: reads, writes, and what is tried again. */
export const etcdV3Calls: readonly Mutant[] = [
  {
    name: 'v3-write-sent-again',
    trap: 9,
    why: 'a put whose answer was lost is sent again, and is applied twice',
    file: 'packages/etcd-v3/src/connection/retry.ts',
    find: "  if (kind === 'write' && meaning.outcome !== 'not-applied') return 'fail';",
    replace: "  if (kind === 'write' && !meaning.retryable) return 'fail';",
    caughtBy: { test: FAULTS, name: 'etcd 3.5.\\d+ trap 9: .* a put whose answer is lost is applied once' },
  },
  {
    name: 'v3-takes-a-new-connection-for-unused',
    why: 'a new connection counts as unused for long: a watch that hears of it first gives it up, and the calls that made it fail as internal',
    file: 'packages/etcd-v3/src/connection/endpoint.ts',
    find: '              this.noteUse();\n',
    replace: '',
    caughtBy: {
      test: 'packages/etcd-v3/test/closed-channel.test.ts',
      name: 'keeps the connection that it makes there, and loses no call',
    },
  },
  {
    name: 'v3-sends-an-empty-range',
    trap: 19,
    why: 'a range that holds nothing is sent as its bounds are, which etcd may take for everything',
    file: 'packages/etcd-v3/src/protobuf/range.ts',
    find: 'start.length === 0 || (end !== undefined && compareBytes(start, end) >= 0)',
    replace: 'start.length === 0 && end?.length === 0',
    caughtBy: {
      test: 'packages/etcd-v3/test/empty-range.test.ts',
      name: 'etcd 3.5.\\d+ trap 19: what got past the checks is still not sent',
    },
  },
  {
    name: 'v3-page-as-refusal',
    trap: 20,
    why: "a proxy's page with HTTP status 404, which gRPC tells as UNIMPLEMENTED, is taken for etcd's refusal, and ends mirrors",
    file: 'packages/etcd-v3/src/errors.ts',
    find: '[/^Received HTTP status code/, PROXIED]',
    replace: "[/^Received HTTP status code/, refused('unsupported')]",
    caughtBy: { test: PROXY, name: 'a page with HTTP status 404' },
  },
  {
    name: 'v3-any-code-as-refusal',
    trap: 20,
    why: "gRPC's codes are final whoever says them: a service mesh's PERMISSION_DENIED is taken for etcd's",
    file: 'packages/etcd-v3/src/errors.ts',
    find: '  return known?.[1] ?? PASSING[code as GrpcStatus] ?? PROXIED;',
    replace: '  return known?.[1] ?? MARKED[code as GrpcStatus] ?? PROXIED;',
    caughtBy: { test: PROXY, name: 'gRPC status 7 in words of its own' },
  },
  {
    name: 'v3-page-as-a-message',
    trap: 20,
    why: 'a web page with HTTP status 200 on the watch stream is waited for, and not seen to be none of etcd',
    file: 'packages/etcd-v3/src/connection/answer-head.ts',
    find: 'if (!isGrpc(this.contentType()))',
    replace: "if (this.contentType() === 'none')",
    caughtBy: { test: PROXY, name: 'what is no gRPC is given up at once' },
  },
  {
    name: 'v3-takes-any-key',
    trap: 20,
    why: "an answer is not held against the range that was asked for: `get('mine')` gives another key's value",
    file: 'packages/etcd-v3/src/kv/range-rules.ts',
    find: 'if (!this.#range.contains(keyBuffer.subarray(keyFrom, keyTo)))',
    replace: 'if (this.#range.end === keyBuffer.subarray(keyFrom, keyTo))',
    caughtBy: { test: HOSTILE, name: "get..mine.. never returns another key's value" },
  },
  {
    name: 'v3-scan-ends-short',
    trap: 20,
    why: 'a scan whose pages have fewer keys than its count ends as if that were all, and a mirror deletes the rest',
    file: 'packages/etcd-v3/src/kv/read-ahead.ts',
    find: "    if (this.#requests.length === 0) throw this.#mismatch('fewer');\n    return true;",
    replace: '    return this.#requests.length > 0;',
    caughtBy: { test: HOSTILE, name: 'a scan with an empty last page does not end as if that were all' },
  },
  {
    name: 'v3-bad-answer-is-final',
    why: 'an answer that is none to the request fails the call at once, though another attempt would do',
    file: 'packages/etcd-v3/src/connection/connection.ts',
    find: "  if (isStoreError(thrown)) return { status: 'unusable', error: thrown };",
    replace: "  if (isStoreError(thrown)) return { status: 'over', error: thrown, sent: true };",
    caughtBy: { test: HOSTILE, name: 'an answer with a key twice is tried again, and passes' },
  },
  {
    name: 'v3-outage-as-not-found',
    trap: 14,
    why: 'a get that fails gives `undefined`, as if the key were not there',
    file: 'packages/etcd-v3/src/kv/kv.ts',
    find: '      return start === undefined || end === undefined ? undefined : decodeEntry(buffer, start, end, key);\n    });',
    replace:
      '      return start === undefined || end === undefined ? undefined : decodeEntry(buffer, start, end, key);\n    }).catch(() => undefined);',
    caughtBy: { test: FAULTS, name: 'etcd 3.5.\\d+ trap 14: .* reads reject while the server is gone .refuse' },
  },
  {
    name: 'v3-outage-as-empty-list',
    trap: 14,
    why: 'a list that fails is empty',
    file: 'packages/etcd-v3/src/kv/kv.ts',
    find: '      return { items, bookmark: bookmarkOf(header, options.revision), count, more, undecodable };\n    });',
    replace: [
      '      return { items, bookmark: bookmarkOf(header, options.revision), count, more, undecodable };',
      '    }).catch(() => {',
      "      const bookmark = { revision: options.revision ?? 1, identity: '0' } as Bookmark;",
      '      return { items: [], bookmark, count: 0, more: false, undecodable: [] };',
      '    });',
    ].join('\n'),
    caughtBy: { test: FAULTS, name: 'etcd 3.5.\\d+ trap 14: .* reads reject while the server is gone .refuse' },
  },
];
