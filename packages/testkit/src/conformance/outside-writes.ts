import type { ConfigStore, DeleteResult, PutResult, Range } from '@holdfast/store';
import type { BackendHooks } from './backend.js';
import { fail, sameContent, utf8 } from './expect.js';

/** Many keys at once, each with its value. */
type PutAll = (entries: readonly (readonly [key: string, value: string | Uint8Array])[]) => Promise<void>;

const putAll = Symbol('putAll');

export interface OutsideWrites {
  readonly write: NonNullable<BackendHooks['writeOutside']>;
  /** Waits until the store shows what was written. */
  readonly until: (what: string, condition: () => Promise<boolean>) => Promise<void>;
  /** Whether the case has ended. A case that took too long must not write into the next one. */
  readonly isOver: () => boolean;
}

/**
 * How to write many keys past a store that can only be read, as one batch: the store is waited for once. `undefined` for stores that write
 * themselves.
 */
export function puttingAll(store: ConfigStore): PutAll | undefined {
  return (store as { readonly [putAll]?: PutAll })[putAll];
}

/**
 * A store that can only be read, for cases that write: its `put` and `delete` of single keys are made past it, one after another, and are
 * done when the store shows them.
 */
export function writingOutside(store: ConfigStore, { write, until, isOver }: OutsideWrites): ConfigStore {
  const writeOutside: typeof write = async (key, value) => {
    if (isOver()) fail(`the case is over, and ${key} is not written any more`);
    await write(key, value);
  };
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(write: () => Promise<T>): Promise<T> => {
    const result = last.then(write);
    last = result.catch(() => undefined);
    return result;
  };
  const put = async (key: string, given: string | Uint8Array): Promise<PutResult> => {
    const value = typeof given === 'string' ? utf8(given) : given;
    const before = await store.get(key);
    // A store that compares contents, such as one of files, sees no change in that, and has no revision to give.
    if (before !== undefined && sameContent(before.value, value))
      fail(`the case writes the value that ${key} has already`);
    await writeOutside(key, value);
    let revision = before?.modRevision;
    await until(`the store to show the value of ${key} that was written past it`, async () => {
      const entry = await store.get(key);
      revision = entry?.modRevision;
      return revision !== before?.modRevision && sameContent(entry?.value, value);
    });
    return { revision: revision ?? fail(`the value of ${key} that was written past the store is gone again`) };
  };
  const putEach: PutAll = async (entries) => {
    const wanted = entries.map(([key, value]) => [key, typeof value === 'string' ? utf8(value) : value] as const);
    for (const [key, value] of wanted) await writeOutside(key, value);
    await until(`the store to show ${wanted.length} keys that were written past it`, async () => {
      const { items } = await store.list({ prefix: '' });
      const shown = new Map(items.map((item) => [item.key, item.value]));
      return wanted.every(([key, value]) => sameContent(shown.get(key), value));
    });
  };
  const remove = async (range: Range): Promise<DeleteResult> => {
    const key = typeof range === 'string' ? range : 'key' in range ? range.key : fail('the case deletes a range');
    if ((await store.get(key)) === undefined)
      return { revision: (await store.list(key)).bookmark.revision, deleted: 0 };
    await writeOutside(key, undefined);
    await until(`the store to show that ${key} was deleted past it`, async () => (await store.get(key)) === undefined);
    return { revision: (await store.list(key)).bookmark.revision, deleted: 1 };
  };
  const changes: Record<PropertyKey, unknown> = {
    put: (key: string, value: string | Uint8Array) => inTurn(() => put(key, value)),
    delete: (range: Range) => inTurn(() => remove(range)),
    [putAll]: (...args: Parameters<PutAll>) => inTurn(() => putEach(...args)),
  };
  return new Proxy(store, {
    get(target, name) {
      if (name in changes) return changes[name];
      const value: unknown = Reflect.get(target, name, target);
      // Bound to what it is a method of: private fields don't go through a proxy.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
