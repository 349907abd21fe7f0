import type { ConfigStore, DeleteResult, PutResult, Range } from '@holdfast/store';
import type { BackendHooks } from './backend.js';
import { fail, sameContent, utf8 } from './expect.js';

type Until = (what: string, condition: () => Promise<boolean>) => Promise<void>;

/**
 * A store that can only be read, for cases that write: its `put` and `delete` of single keys are made past it, one after another, and are
 * done when the store shows them.
 */
export function writingOutside(
  store: ConfigStore,
  writeOutside: NonNullable<BackendHooks['writeOutside']>,
  until: Until,
): ConfigStore {
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
