import type { ConfigStore } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, utf8 } from '../expect.js';
import { keysOf } from './support.js';

/** A key of so many bytes. It is cut into short segments, since those of a path may have a limit of their own. */
function keyOf(prefix: string, bytes: number): string {
  const rest = bytes - utf8(prefix).length;
  expectTrue(rest > 0, `maxKeyBytes ${bytes} is too small for the keys of the suite, which begin with ${prefix}`);
  const segments = 'k'
    .repeat(63)
    .concat('/')
    .repeat(Math.ceil(rest / 64));
  return `${prefix}${segments.slice(0, rest - 1)}k`;
}

async function expectTooLarge(call: () => Promise<unknown>, what: string): Promise<void> {
  const error = await expectStoreError(call, 'too-large', what);
  expectEqual(error.outcome, 'not-applied', `the outcome of ${what}`);
}

async function expectCount(store: ConfigStore, prefix: string, count: number): Promise<void> {
  expectEqual((await store.list({ prefix })).count, count, 'count after the refused writes');
}

export const limitCases: readonly ConformanceCase[] = [
  {
    id: 'C15.keys-up-to-the-limit',
    clauses: ['C15', 'C1'],
    title: 'a key of maxKeyBytes is a key like others, and a longer one is too-large and not written',
    requires: { maxKeyBytes: (most) => most !== undefined },
    async run({ store, prefix, all, capabilities }) {
      const longest = keyOf(prefix, capabilities.maxKeyBytes ?? 0);
      await expectTooLarge(() => store.put(`${longest}k`, ''), 'a put of a key over the limit');
      await expectTooLarge(
        () => store.put(`${longest.slice(0, -1)}é`, ''),
        'a put of as many characters, and more bytes',
      );
      await expectCount(store, prefix, 0);
      await store.put(longest, 'x');
      expectEqual(keysOf(await store.list(all)), [longest], 'the keys');
      expectTrue((await store.get(longest)) !== undefined, 'a key of maxKeyBytes must be there');
    },
  },
  {
    id: 'C15.values-up-to-the-limit',
    clauses: ['C15', 'C6'],
    title: 'a value of maxValueBytes comes back, and a longer one is too-large, be it in a guard, and not written',
    requires: { maxValueBytes: (most) => most !== undefined },
    async run({ store, key, prefix, capabilities }) {
      const most = capabilities.maxValueBytes ?? 0;
      await expectTooLarge(() => store.put(key('a'), 'v'.repeat(most + 1)), 'a put of a value over the limit');
      await expectTooLarge(
        () => store.put(key('a'), `${'v'.repeat(most - 1)}é`),
        'a put of as many characters, and more bytes',
      );
      const ifValue = 'v'.repeat(most + 1);
      await expectTooLarge(() => store.put(key('a'), '', { ifValue }), 'a put guarded by a value over the limit');
      await expectTooLarge(() => store.delete(key('a'), { ifValue }), 'a delete guarded by a value over the limit');
      await expectCount(store, prefix, 0);
      await store.put(key('a'), 'v'.repeat(most));
      expectEqual((await store.get(key('a')))?.value.length, most, 'the length of a value of maxValueBytes');
    },
  },
  {
    id: 'C6.too-large-a-guard',
    clauses: ['C6', 'C9', 'C15'],
    title: 'a guard, or a comparison, with more bytes than a request may have is too-large, and writes nothing',
    advice: 'guards and comparisons are sent too: count their values as those of puts, in put, delete and txn',
    requires: { maxRequestBytes: (bytes) => bytes !== undefined },
    async run({ store, key, prefix, capabilities }) {
      const value = new Uint8Array((capabilities.maxRequestBytes ?? 0) + 1).fill(0x76);
      await expectTooLarge(
        () => store.put(key('a'), '', { ifValue: value }),
        'a put guarded by a value over the limit',
      );
      await expectTooLarge(
        () => store.delete(key('a'), { ifValue: value }),
        'a delete guarded by a value over the limit',
      );
      const put = { type: 'put', key: key('a'), value: '' } as const;
      const compare = { key: key('a'), target: 'value', op: '=', value } as const;
      await expectTooLarge(() => store.txn({ if: [compare], then: [put], else: [put] }), 'a comparison over the limit');
      await expectCount(store, prefix, 0);
    },
  },
];
