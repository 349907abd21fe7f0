import type { Layout } from '../mirrors/opened-mirror.js';
import type { Epoch } from '../truth/truth.js';

/**
 * Whether two of the histories have a revision at which only older entries differ: they have the same number of keys, and the same newest
 * one. A fingerprint can't show that, as the documentation of the mirror says, so no mirror has to notice it.
 */
export function haveTwins(epochs: readonly Epoch[], layouts: readonly Layout[]): boolean {
  return epochs.some((one, index) =>
    epochs
      .slice(index + 1)
      .some((other) => one.identity === other.identity && layouts.some((layout) => areTwins(one, other, layout))),
  );
}

function areTwins(one: Epoch, other: Epoch, layout: Layout): boolean {
  const keys = [...new Set([...one.keys, ...other.keys])].filter(layout.inRange);
  for (let revision = 1; revision <= Math.min(one.head, other.head); revision++) {
    if (!one.covers(revision) || !other.covers(revision)) continue;
    if (fingerprint(one, keys, revision) === fingerprint(other, keys, revision) && differ(one, other, keys, revision))
      return true;
  }
  return false;
}

function fingerprint(epoch: Epoch, keys: readonly string[], revision: number): string {
  let count = epoch.rawCountAt(revision);
  let newest = '';
  let newestAt = 0;
  for (const key of keys) {
    const version = epoch.at(key, revision);
    if (version === undefined) continue;
    count += 1;
    if (version.modRevision < newestAt) continue;
    // Any key of a transaction may count as the newest, so equal ones are enough for a doubt.
    newestAt = version.modRevision;
    newest = version.text;
  }
  return `${count} ${newestAt} ${newest}`;
}

function differ(one: Epoch, other: Epoch, keys: readonly string[], revision: number): boolean {
  return keys.some((key) => {
    const [mine, theirs] = [one.at(key, revision), other.at(key, revision)];
    return mine?.text !== theirs?.text || mine?.modRevision !== theirs?.modRevision;
  });
}
