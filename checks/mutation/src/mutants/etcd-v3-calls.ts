import type { Mutant } from '../mutant.js';

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
    caughtBy: { test: FAULTS, name: 'etcd 3.5.16 trap 9: .* a put whose answer is lost is applied once' },
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
      name: 'etcd 3.5.16 trap 19: what got past the checks is still not sent',
    },
  },
  {
    name: 'v3-outage-as-not-found',
    trap: 14,
    why: 'a get that fails gives `undefined`, as if the key were not there',
    file: 'packages/etcd-v3/src/kv/kv.ts',
    find: 'await this.read(KeyRange.ofKey(key), options, call);',
    replace:
      'await this.read(KeyRange.ofKey(key), options, call).catch(() => ({ buffer: Buffer.alloc(0), bounds: [] }));',
    caughtBy: { test: FAULTS, name: 'etcd 3.5.16 trap 14: .* reads reject while the server is gone .refuse' },
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
    caughtBy: { test: FAULTS, name: 'etcd 3.5.16 trap 14: .* reads reject while the server is gone .refuse' },
  },
];
