import type { Range, WatchEvent } from '@holdfast/store';
import { Random } from '../../random.js';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectStoreError, expectTrue, show } from '../expect.js';
import { keyOf } from '../watch-reader.js';
import { KeysModel, randomRange } from './keys-model.js';
import { pagesOf } from './support.js';

// Any number will do; a fixed one makes every run the same.
const SEED = 19;
const ROUNDS = 60;
const WATCHES = 24;

const ODD_NAMES = ['a\0', '\0', '\u0001', 'c/'] as const;
// None is a directory of another, so that these are keys where keys are paths.
const NAMES = ['a', 'a0', 'ab', 'b/x', 'b/y', 'b0', 'c~', 'é', '\uff61', '\u{1f600}'] as const;

/** A world of a few keys whose order is easily got wrong, and ranges over it. */
class World {
  readonly context: ConformanceContext;
  readonly random = new Random(SEED);
  readonly names: readonly string[];

  constructor(context: ConformanceContext) {
    this.context = context;
    this.names = context.capabilities.keySyntax === 'any' ? [...NAMES, ...ODD_NAMES] : NAMES;
  }

  get keys(): string[] {
    return this.names.map(this.context.key);
  }

  /** Writes all keys. Gives a model of everything that the store then holds, other cases' keys included. */
  async fill(): Promise<KeysModel> {
    const { store } = this.context;
    for (const key of this.keys) await store.put(key, key);
    const { items, undecodable } = await store.list({ prefix: '' });
    return new KeysModel([...items.map(({ key }) => Buffer.from(key)), ...undecodable.map(({ rawKey }) => rawKey)]);
  }

  *ranges(count: number): Generator<Range> {
    for (let made = 0; made < count; made += 1) yield randomRange(this.random, this.context.prefix, this.keys, made);
  }
}

export const randomRangeCases: readonly ConformanceCase[] = [
  {
    id: 'C2.random-bounds-in-reads',
    clauses: ['C2', 'C1', 'C4', 'C5'],
    writes: 'outside',
    title: 'lists, counts and scans of any bounds hold what a model says, and refuse bounds that can hold nothing',
    async run(context) {
      const { store } = context;
      const world = new World(context);
      const model = await world.fill();
      for (const range of world.ranges(ROUNDS)) {
        const expected = model.in(range);
        if (expected === undefined) {
          await refused(() => store.list(range), 'list', range);
          await refused(() => store.list(range, { countOnly: true }), 'count', range);
          await refused(() => pagesOf(store.scan(range)), 'scan', range);
          continue;
        }
        const list = await store.list(range);
        expectEqual(hexOf(list.items, list.undecodable), hexes(expected), `list of ${show(range)}`);
        expectEqual(list.count, expected.length, `count in the list of ${show(range)}`);
        const { count } = await store.list(range, { countOnly: true });
        expectEqual(count, expected.length, `count of ${show(range)}`);
        const pages = await pagesOf(store.scan(range));
        const entries = pages.flatMap((page) => page.entries);
        const raw = pages.flatMap((page) => page.undecodable);
        expectEqual(hexOf(entries, raw), hexes(expected), `scan of ${show(range)}`);
      }
    },
  },
  {
    id: 'C2.random-bounds-in-deletes',
    clauses: ['C2', 'C1', 'C3', 'C6'],
    title:
      'a delete of any bounds takes what a model says and nothing else, and bounds that can hold nothing are refused',
    requires: { rangeDeletes: 'any' },
    async run(context) {
      const { store, prefix } = context;
      const world = new World(context);
      let model = await world.fill();
      for (const range of world.ranges(ROUNDS)) {
        const expected = model.in(range);
        // What is not this case's own stays.
        if (expected?.some((key) => !Buffer.from(key).toString().startsWith(prefix)) === true) continue;
        if (expected === undefined) await refused(() => store.delete(range), 'delete', range);
        else {
          expectEqual(
            (await store.delete(range)).deleted,
            expected.length,
            `keys that the delete of ${show(range)} took`,
          );
          model = model.without(expected);
        }
        const left = await store.list({ prefix: '' });
        expectEqual(hexOf(left.items, left.undecodable), hexes(model.keys), `what the delete of ${show(range)} left`);
        if (model.keys.length < world.names.length / 2) model = await world.fill();
      }
    },
  },
  {
    id: 'C2.random-bounds-in-transactions',
    clauses: ['C2', 'C9'],
    title:
      'compares and operations of a transaction take any bounds as a model does, and refuse those that can hold nothing',
    requires: { transactions: 'multi-key' },
    async run(context) {
      const { store } = context;
      const world = new World(context);
      const model = await world.fill();
      for (const range of world.ranges(ROUNDS)) {
        const expected = model.in(range);
        const compare = { range, target: 'version', op: '>', value: 0 } as const;
        const list = { type: 'list', range, keysOnly: true } as const;
        if (expected === undefined) {
          await refused(() => store.txn({ if: [compare] }), 'compare', range);
          await refused(() => store.txn({ then: [list] }), 'list operation', range);
          await refused(() => store.txn({ then: [{ type: 'delete', range }] }), 'delete operation', range);
          continue;
        }
        const { succeeded, results } = await store.txn({ if: [compare], then: [list], else: [list] });
        // A compare of a range without keys is false.
        expectEqual(succeeded, expected.length > 0, `whether there is a key in ${show(range)}`);
        const [result] = results;
        expectTrue(result?.type === 'list', `a list operation must have a list for its result, got ${show(result)}`);
        expectEqual(hexOf(result.items, result.undecodable), hexes(expected), `list operation of ${show(range)}`);
      }
    },
  },
  {
    id: 'C2.random-bounds-in-watches',
    clauses: ['C2', 'C1', 'C10'],
    writes: 'outside',
    title: 'watches of any bounds tell what a model says, and bounds that can hold nothing are refused',
    async run(context) {
      const { store, key } = context;
      const world = new World(context);
      const followed: { range: Range; told: string[] }[] = [];
      for (const range of world.ranges(WATCHES)) {
        if (new KeysModel([]).in(range) === undefined) {
          await refused(async () => store.watch(range).ready, 'watch', range);
          continue;
        }
        const { watch } = await context.follow(range);
        const told: string[] = [];
        followed.push({ range, told });
        const read = async () => {
          for await (const { events } of watch) told.push(...events.map(nameOf));
        };
        // How it ended shows in what it has told.
        read().catch(() => undefined);
      }
      const written: string[] = [];
      for (const name of [...world.keys, ...world.keys]) {
        const gone = written.includes(name);
        await (gone ? store.delete(name) : store.put(name, ''));
        written.push(gone ? `delete ${name}` : name);
      }
      const end = await context.follow();
      await store.put(key('end'), '');
      await end.untilKey(key('end'));
      written.push(key('end'));
      const expectedOf = (range: Range) =>
        written.filter((each) => new KeysModel([Buffer.from(each.replace('delete ', ''))]).in(range)?.length === 1);
      for (const { range, told } of followed) {
        const expected = expectedOf(range);
        await context.eventually(`the events of ${show(range)}`, () => told.length >= expected.length);
        expectEqual(told, expected, `events of ${show(range)}`);
      }
    },
  },
];

async function refused(call: () => PromiseLike<unknown>, what: string, range: Range): Promise<void> {
  await expectStoreError(call, 'invalid-argument', `${what} of ${show(range)}`);
}

function nameOf(event: WatchEvent): string {
  return event.type === 'put' ? event.current.key : `${event.type} ${String(keyOf(event))}`;
}

/** All keys of a result, in their order; those that are not UTF-8 come apart and are put where they belong. */
function hexOf(
  items: readonly { readonly key: string }[],
  undecodable: readonly { readonly rawKey: Uint8Array }[],
): string[] {
  const readable = items.map(({ key }) => Buffer.from(key).toString('hex'));
  if (undecodable.length === 0) return readable;
  return [...readable, ...undecodable.map(({ rawKey }) => Buffer.from(rawKey).toString('hex'))].sort();
}

function hexes(keys: readonly Uint8Array[]): string[] {
  return keys.map((key) => Buffer.from(key).toString('hex'));
}
