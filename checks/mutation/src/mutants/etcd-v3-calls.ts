import type { Mutant } from '../mutant.js';

const PROXY = 'packages/etcd-v3/test/proxy-answers.test.ts';
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
    name: 'v3-outage-as-not-found',
    trap: 14,
    why: 'a get that fails gives `undefined`, as if the key were not there',
    file: 'packages/etcd-v3/src/kv/kv.ts',
    find: 'await this.read(KeyRange.ofKey(key), options, call);',
    replace:
      'await this.read(KeyRange.ofKey(key), options, call).catch(() => ({ buffer: Buffer.alloc(0), bounds: [] }));',
    caughtBy: { test: FAULTS, name: 'etcd 3.5.\\d+ trap 14: .* reads reject while the server is gone .refuse' },
  },
  {
    name: 'v3-outage-as-empty-list',
    trap: 14,
    why: 'a list that fails is empty',
    file: 'packages/etcd-v3/src/kv/kv.ts',
    find: '    const outline = await this.read(range, options, call);',
    replace: [
      '    let outline: RangeOutline;',
      '    try {',
      '      outline = await this.read(range, options, call);',
      '    } catch {',
      "      const bookmark = { revision: options.revision ?? 1, identity: '0' } as Bookmark;",
      '      return { items: [], bookmark, count: 0, more: false, undecodable: [] };',
      '    }',
    ].join('\n'),
    caughtBy: { test: FAULTS, name: 'etcd 3.5.\\d+ trap 14: .* reads reject while the server is gone .refuse' },
  },
];
