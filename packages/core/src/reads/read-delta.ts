import type { Bookmark, KeyValue, Page, Revision, ScanOptions, UndecodableKey } from '@holdfast/store';
import type { Core } from '../runtime/runtime.js';
import type { Delta, KeySet } from '../table/patch.js';
import { Slicer } from '../util/slicer.js';
import { hexOf } from '../table/undecodable-keys.js';

export interface DeltaOptions {
  /** From which change on. */
  readonly minModRevision: Revision | number;
  /** The state to read; the store's head unless told. */
  readonly revision?: Revision | undefined;
  /** Between two pages. */
  readonly timeoutMs: number;
}

/**
 * What changed since the newest entry that the mirror knows, that one included: where nothing did, the answer is exactly it, which
 * tells the histories apart as well. Needs capability `deltaReads`.
 */
export function readDelta(core: Core, signal: AbortSignal): Promise<Delta> {
  const { newest, revision } = core.table.fingerprint();
  return readChanges(core, { minModRevision: newest ?? revision, timeoutMs: core.readTimeoutMs }, signal);
}

/** Everything that was last changed at a revision or later. Needs capability `deltaReads`. */
export async function readChanges(
  core: Core,
  { minModRevision, revision, timeoutMs }: DeltaOptions,
  signal: AbortSignal,
): Promise<Delta> {
  const items: KeyValue[] = [];
  const undecodable: UndecodableKey[] = [];
  const slicer = new Slicer(core.settings.clock);
  let bookmark: Bookmark | undefined;
  let total = 0;
  await readPages(core, 'the read of changes', timeoutMs, signal, { revision, minModRevision }, async (page) => {
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
      if (slicer.isDue()) await slicer.pause();
    }
    undecodable.push(...page.undecodable);
  });
  if (bookmark === undefined) throw new Error('the scan gave no page; its adapter breaks contract C5');
  return { bookmark, total, since: minModRevision, items, undecodable };
}

/** All keys at the revision of a delta. */
export async function readKeys(core: Core, { revision }: Bookmark, signal: AbortSignal): Promise<KeySet> {
  const keys = new Set<string>();
  const undecodable = new Set<string>();
  const slicer = new Slicer(core.settings.clock);
  const options = { revision, keysOnly: true };
  await readPages(core, 'the read of keys', core.readTimeoutMs, signal, options, async (page) => {
    for (let index = 0; index < page.length; index++) {
      keys.add(page.key(index));
      if (slicer.isDue()) await slicer.pause();
    }
    for (const { rawKey } of page.undecodable) undecodable.add(hexOf(rawKey));
  });
  return { keys, undecodable };
}

/**
 * The pages of a scan of the whole range, each used before the next is taken, until one is answered with `false`. Fails with
 * `timeout` where one does not come in time.
 */
export function readPages(
  core: Core,
  what: string,
  timeoutMs: number,
  signal: AbortSignal,
  options: Omit<ScanOptions, 'signal'>,
  use: (page: Page) => Promise<unknown>,
): Promise<void> {
  return core.read(what, timeoutMs, signal, async (deadline) => {
    const scan = core.store.scan(core.settings.range.toRange(), { ...options, signal: deadline.signal });
    for await (const page of scan) {
      deadline.extend();
      if ((await use(page)) === false) return;
      deadline.signal.throwIfAborted();
    }
  });
}
