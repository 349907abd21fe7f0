import type { Bookmark, KeyValue, UndecodableKey } from '@holdfast/store';
import type { Core } from './core.js';
import type { Delta, KeySet } from './patch.js';
import { hexOf } from './undecodable-keys.js';

/**
 * What changed since the newest entry that the mirror knows, that one included: where nothing did, the answer is exactly it, which
 * tells the histories apart as well. Needs capability `deltaReads`.
 */
export async function readDelta(core: Core, signal: AbortSignal): Promise<Delta> {
  const { newest, revision } = core.table.fingerprint();
  const items: KeyValue[] = [];
  const undecodable: UndecodableKey[] = [];
  let bookmark: Bookmark | undefined;
  let total = 0;
  await core.read('the read of changes', core.readTimeoutMs, signal, async (deadline) => {
    const options = { minModRevision: newest ?? revision, signal: deadline.signal };
    for await (const page of core.store.scan(core.settings.range.toRange(), options)) {
      deadline.extend();
      ({ bookmark, total } = page);
      for (let index = 0; index < page.length; index++) {
        const version = page.version(index);
        items.push({
          key: page.key(index),
          value: page.value(index),
          modRevision: page.modRevision(index),
          createRevision: page.createRevision(index),
          ...(version === undefined ? {} : { version }),
        });
      }
      undecodable.push(...page.undecodable);
    }
  });
  if (bookmark === undefined) throw new Error('the scan gave no page; its adapter breaks contract C5');
  return { bookmark, total, items, undecodable };
}

/** All keys at the revision of a delta. */
export async function readKeys(core: Core, { revision }: Bookmark, signal: AbortSignal): Promise<KeySet> {
  const keys = new Set<string>();
  const undecodable = new Set<string>();
  await core.read('the read of keys', core.readTimeoutMs, signal, async (deadline) => {
    const options = { revision, keysOnly: true, signal: deadline.signal };
    for await (const page of core.store.scan(core.settings.range.toRange(), options)) {
      deadline.extend();
      for (let index = 0; index < page.length; index++) keys.add(page.key(index));
      for (const { rawKey } of page.undecodable) undecodable.add(hexOf(rawKey));
    }
  });
  return { keys, undecodable };
}
