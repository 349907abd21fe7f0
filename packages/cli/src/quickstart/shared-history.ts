import { parseStoreUrl, type ConfigStore } from '@holdfast/store';
import type { OwnPrefix } from './own-prefix.js';

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$|^unix:/;

/**
 * Whether the last step may compact. That forgets the history of the whole store, no data: other programs' watches that are
 * behind must read again. So it is done unasked only where nobody is likely to mind: in this process, in an etcd on this
 * machine, and in one that holds nothing else.
 */
export async function mayCompact(
  store: ConfigStore,
  own: OwnPrefix,
  { url, asked }: { readonly url: string; readonly asked: boolean },
): Promise<boolean> {
  if (!store.capabilities.compaction) return false;
  const { endpoints } = parseStoreUrl(url);
  const isLocal = endpoints.every((endpoint) => LOOPBACK.test(endpoint.replace(/^https?:\/\//, '')));
  return asked || isLocal || !(await own.hasNeighbours());
}

/** What to tell where the history was left alone. */
export function whyNotCompacted(store: ConfigStore): string {
  if (!store.capabilities.compaction)
    return 'not compacted: this store, or the view of it that the URL asks for, has no compaction';
  return 'not compacted: others use this etcd too, and its history is theirs as well; --compact does it all the same';
}
