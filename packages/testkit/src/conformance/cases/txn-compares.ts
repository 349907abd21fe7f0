import type { Compare } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectTrue, show } from '../expect.js';
import { MULTI } from './support.js';

/** Whether a compare holds. */
async function holds({ store }: ConformanceContext, compare: Compare): Promise<boolean> {
  return (await store.txn({ if: [compare] })).succeeded;
}

/** A compare of each operator, and whether it should hold for a quantity that is below, at or above the value compared to. */
async function expectCompares(
  context: ConformanceContext,
  make: (op: Compare['op'], value: 'below' | 'same' | 'above') => Compare,
  what: string,
): Promise<void> {
  // The entry's quantity compared with a value below it, the same, and above it.
  const expected = {
    '=': [false, true, false],
    '!=': [true, false, true],
    '<': [false, false, true],
    '>': [true, false, false],
  };
  for (const op of ['=', '!=', '<', '>'] as const) {
    const held = [];
    for (const value of ['below', 'same', 'above'] as const) held.push(await holds(context, make(op, value)));
    expectEqual(held, expected[op], `${what} ${op} a value below, the same, above`);
  }
}

export const txnCompareCases: readonly ConformanceCase[] = [
  {
    id: 'C9.compare-values',
    clauses: ['C9'],
    title: 'values compare as bytes with = != < >',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      await store.put(key('x'), 'bb');
      // 'b' is a prefix of it, and 'é' is above ASCII in bytes.
      for (const values of [
        { below: 'b', same: 'bb', above: 'bba' },
        { below: 'ba', same: 'bb', above: '\u00e9' },
      ]) {
        await expectCompares(
          context,
          (op, value) => ({ key: key('x'), target: 'value', op, value: values[value] }),
          'value',
        );
      }
    },
  },
  {
    id: 'C9.compare-versions',
    clauses: ['C9'],
    title: 'versions compare with = != < >',
    requires: { ...MULTI, versions: true },
    async run(context) {
      const { store, key } = context;
      for (const value of ['1', '2', '3']) await store.put(key('x'), value);
      const values = { below: 2, same: 3, above: 4 };
      await expectCompares(
        context,
        (op, value) => ({ key: key('x'), target: 'version', op, value: values[value] }),
        'version',
      );
    },
  },
  {
    id: 'C9.compare-revisions',
    clauses: ['C9'],
    title: 'create and mod revisions compare with = != < >, each as itself',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      const created = (await store.put(key('x'), '1')).revision;
      const changed = (await store.put(key('x'), '2')).revision;
      for (const [target, revision] of [
        ['createRevision', created],
        ['modRevision', changed],
      ] as const) {
        const values = { below: revision - 1, same: revision, above: revision + 1 };
        await expectCompares(context, (op, value) => ({ key: key('x'), target, op, value: values[value] }), target);
      }
    },
  },
  {
    id: 'C9.compare-leases',
    clauses: ['C9'],
    title: 'the lease of a key compares, and is 0 where there is none',
    requires: { ...MULTI, leases: true },
    async run(context) {
      const { store, key } = context;
      const { id } = await store.leases.grant(60);
      await store.put(key('x'), '', { lease: id });
      await store.put(key('y'), '');
      const lease = (name: string, op: Compare['op'], value: string | 0) =>
        holds(context, { key: key(name), target: 'lease', op, value: value as '1' | 0 });
      expectEqual([await lease('x', '=', id), await lease('x', '!=', id)], [true, false], "x's lease = and != its own");
      expectEqual([await lease('x', '=', 0), await lease('x', '>', 0)], [false, true], "x's lease = and > 0");
      expectEqual([await lease('y', '=', 0), await lease('y', '=', id)], [true, false], "y's lease = 0 and = x's");
      await store.leases.revoke(id);
    },
  },
  {
    id: 'C9.absent-keys-are-zero',
    clauses: ['C9'],
    title: 'an absent key has version, create revision, mod revision and lease 0',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      await store.put(key('gone'), '');
      await store.delete(key('gone'));
      const targets = [
        'createRevision',
        'modRevision',
        'version',
        ...(store.capabilities.leases ? ['lease' as const] : []),
      ] as const;
      for (const name of ['never', 'gone']) {
        for (const target of targets) {
          expectTrue(
            await holds(context, { key: key(name), target, op: '=', value: 0 } as Compare),
            `${target} of ${name} must be 0`,
          );
          expectTrue(
            !(await holds(context, { key: key(name), target, op: '>', value: 0 } as Compare)),
            `${target} of ${name} must not be above 0`,
          );
        }
      }
    },
  },
  {
    id: 'C9.value-compare-of-absent-is-false',
    clauses: ['C9'],
    advice:
      'compare by comparePasses or compareHolds of the kit: a value compare of an absent key is false, with != too',
    title: 'a value compare on an absent key is false, with every operator, != too',
    requires: MULTI,
    async run(context) {
      for (const op of ['=', '!=', '<', '>'] as const) {
        for (const value of ['', 'x']) {
          const held = await holds(context, { key: context.key('x'), target: 'value', op, value });
          expectEqual(held, false, `value ${op} ${show(value)} on an absent key`);
        }
      }
    },
  },
  {
    id: 'C9.compare-a-range',
    clauses: ['C9'],
    title: 'a compare on a range holds where it holds for every key of it',
    requires: MULTI,
    async run(context) {
      const { store, key } = context;
      const first = (await store.put(key('r/a'), '1')).revision;
      const last = (await store.put(key('r/b'), '1')).revision;
      const range = { prefix: key('r/') };
      const mod = (op: Compare['op'], value: number) => holds(context, { range, target: 'modRevision', op, value });
      expectEqual(
        [await mod('<', last + 1), await mod('<', last)],
        [true, false],
        'modRevision < head + 1, and < head',
      );
      expectEqual(
        [await mod('>', first - 1), await mod('=', first)],
        [true, false],
        'modRevision > before, and = the first',
      );
      const value = (expected: string) => holds(context, { range, target: 'value', op: '=', value: expected });
      expectEqual([await value('1'), await value('2')], [true, false], 'value = 1, and = 2');
      await store.put(key('r/b'), '2');
      expectEqual(await value('1'), false, 'value = 1 where one differs');
    },
  },
  {
    id: 'C9.compare-an-empty-range',
    clauses: ['C9'],
    title: 'a range without keys compares as an absent key',
    requires: MULTI,
    async run(context) {
      const range = { prefix: context.key('r/') };
      expectTrue(
        await holds(context, { range, target: 'createRevision', op: '=', value: 0 }),
        'createRevision = 0 must hold',
      );
      expectTrue(
        !(await holds(context, { range, target: 'createRevision', op: '>', value: 0 })),
        'createRevision > 0 must not hold',
      );
      expectTrue(!(await holds(context, { range, target: 'value', op: '!=', value: 'x' })), 'value != x must not hold');
    },
  },
];
