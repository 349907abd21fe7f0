import type { Bookmark, KeyValue, Page, Revision, ScanOptions, UndecodableKey } from '@holdfast/store';
import { Slicer } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import type { Delta, KeySet } from '../table/patch.js';
import { ScanCheck } from '../util/answers.js';
import { hexOf } from '../table/undecodable-keys.js';
import { timedPages } from './timed-pages.js';

export interface DeltaOptions {
  /** The first revision whose changes are read. */
  readonly minModRevision: Revision | number;
  /** The state to read. Default: the store's head. */
  readonly revision?: Revision | undefined;
  /** The longest time that the store may take for a page, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Reads the changes since the newest entry that the mirror knows, including that entry: if nothing changed, the answer is exactly that
 * entry, which also confirms the history. Needs capability `deltaReads`.
 *
 * @param timeoutMs the longest time that the store may take for a page, in milliseconds
 */
export function readDelta(runtime: Runtime, signal: AbortSignal, timeoutMs = runtime.readTimeoutMs): Promise<Delta> {
  const { newest, revision } = runtime.table.fingerprint();
  return readChanges(runtime, { minModRevision: newest ?? revision, timeoutMs }, signal);
}

/** Reads every key that was last changed at a revision or later. Needs capability `deltaReads`. */
export async function readChanges(
  runtime: Runtime,
  { minModRevision, revision, timeoutMs }: DeltaOptions,
  signal: AbortSignal,
): Promise<Delta> {
  const items: KeyValue[] = [];
  const undecodable: UndecodableKey[] = [];
  const slicer = new Slicer(runtime.settings.clock);
  let bookmark: Bookmark | undefined;
  let total = 0;
  await readPages(
    runtime,
    'the read of changes',
    timeoutMs,
    signal,
    { revision, minModRevision },
    async (page, check) => {
      ({ bookmark, total } = page);
      for (let index = 0; index < page.length; index++) {
        const version = page.version(index);
        const key = page.key(index);
        const modRevision = page.modRevision(index);
        check.key(key, modRevision);
        items.push({
          key,
          value: page.value(index),
          modRevision,
          createRevision: page.createRevision(index),
          ...(version === undefined ? {} : { version }),
        });
        if (slicer.isDue()) await slicer.pause();
      }
      undecodable.push(...page.undecodable);
    },
  );
  if (bookmark === undefined) throw new Error('the scan gave no page; its adapter breaks contract C5');
  return { bookmark, total, since: minModRevision, items, undecodable };
}

/** All keys at the revision of a delta. */
export async function readKeys(runtime: Runtime, { revision }: Bookmark, signal: AbortSignal): Promise<KeySet> {
  const keys = new Set<string>();
  const undecodable = new Set<string>();
  const slicer = new Slicer(runtime.settings.clock);
  const options = { revision, keysOnly: true };
  const check = await readPages(
    runtime,
    'the read of keys',
    runtime.readTimeoutMs,
    signal,
    options,
    async (page, each) => {
      for (let index = 0; index < page.length; index++) {
        const key = page.key(index);
        each.key(key, page.modRevision(index));
        keys.add(key);
        if (slicer.isDue()) await slicer.pause();
      }
      for (const { rawKey } of page.undecodable) undecodable.add(hexOf(rawKey));
    },
  );
  check.end(keys.size + undecodable.size);
  return { keys, undecodable };
}

/**
 * Reads the whole range page by page. `use` gets each page before the next one is taken, and stops the scan with `false`. Fails with
 * `timeout` if a page is late, and with `internal` if a page can't belong to the same scan.
 *
 * @returns the check of the scan, which has seen all pages that were taken
 */
export function readPages(
  runtime: Runtime,
  what: string,
  timeoutMs: number,
  signal: AbortSignal,
  options: Omit<ScanOptions, 'signal'>,
  use: (page: Page, check: ScanCheck, signal: AbortSignal) => Promise<unknown>,
): Promise<ScanCheck> {
  const { range } = runtime.settings;
  const check = new ScanCheck(range);
  return runtime.read(what, timeoutMs, signal, async (deadline) => {
    const scan = runtime.store.scan(range.toRange(), { ...options, signal: deadline.signal });
    for await (const page of timedPages(scan, deadline)) {
      check.begin(page);
      if ((await use(page, check, deadline.signal)) === false) return check;
    }
    return check;
  });
}
