import { isDeepStrictEqual } from 'node:util';
import type { SnapshotContent } from '@holdfast/core/file-snapshot';
import type { Replacement } from '../disks/disk-state.js';
import { snapshotIn } from '../disks/image-files.js';
import { fileDifference } from './file-difference.js';
import type { HostOptions } from '../mirrors/host-options.js';
import type { Layout } from '../mirrors/opened-mirror.js';

/**
 * Looks at each snapshot that takes the place of another one. Where the new one is not what became of the old one, the old one must still
 * be there, under another name: a disaster overwrites no last good copy.
 */
export class Replacements {
  readonly #options: HostOptions;
  readonly #layout: Layout;

  constructor(options: HostOptions, layout: Layout) {
    this.#options = options;
    this.#layout = layout;
  }

  judge({ path, before, after }: Replacement): void {
    const { background, compactedAt } = this.#options;
    const compacted = compactedAt();
    background(
      Promise.all([snapshotIn(before, path), snapshotIn(after, path)]).then(([old, now]) => {
        if (old === undefined || now === undefined || this.#mayGo(old, now, compacted)) return;
        const base = before.get(path);
        const isKept = [...after].some(([name, data]) => name.startsWith(`${path}.kept-`) && data === base);
        this.#options.count('snapshot of another history kept');
        if (isKept) return;
        const { name, violated } = this.#options;
        violated('last-copy', `${name} put ${describe(now)} in the place of ${describe(old)}, and has not kept that`);
      }),
    );
  }

  /** Whether the new one continues the old one, or nobody can tell that it does not. */
  #mayGo(old: SnapshotContent, now: SnapshotContent, compacted: number): boolean {
    const { truth, backend } = this.#options;
    const [was, is] = [old.header?.bookmark, now.header?.bookmark];
    if (was === undefined || is === undefined) return false;
    const continued = truth.epochs.some(
      (epoch) =>
        epoch.identity === was.identity &&
        epoch.identity === is.identity &&
        is.revision >= was.revision &&
        epoch.covers(was.revision) &&
        epoch.covers(is.revision) &&
        fileDifference(old, epoch, was.revision, this.#layout) === undefined &&
        fileDifference(now, epoch, is.revision, this.#layout) === undefined,
    );
    if (continued) return true;
    // The past can't be compared: only what is there tells, and a key that is gone proves nothing.
    const isUntold = was.identity === is.identity && is.revision >= was.revision;
    return isUntold && (backend === 'v2' || compacted >= was.revision) && !isContradicted(old, now);
  }
}

/**
 * By what can't be of one history, or by how much is gone. A key with a bad value is there too, since the revision of that value, and what is
 * shown of it may be of any history.
 */
function isContradicted(old: SnapshotContent, now: SnapshotContent): boolean {
  const revision = old.header?.bookmark.revision ?? 0;
  const held = new Map<string, { readonly modRevision: number; readonly value: unknown }>();
  for (const entry of old.entries) held.set(entry.key, entry);
  for (const { key, revision: since, value } of old.problems)
    if (key !== undefined) held.set(key, { modRevision: since, value });
  const bad = new Set(now.problems.map(({ key }) => key));
  for (const { key, modRevision, value } of now.entries) {
    if (bad.has(key) || modRevision > revision) continue;
    const before = held.get(key);
    if (before?.modRevision !== modRevision || !isDeepStrictEqual(before.value, value)) return true;
  }
  const there = new Set(now.entries.map(({ key }) => key));
  const gone = [...held.keys()].filter((key) => !there.has(key) && !bad.has(key)).length;
  return gone > held.size / 2;
}

function describe({ header, entries, reason }: SnapshotContent): string {
  const { bookmark } = header ?? {};
  return `${entries.length} keys at ${bookmark?.revision ?? 'no revision'} of ${bookmark?.identity ?? 'nothing'}${reason === undefined ? '' : ` (${reason})`}`;
}
