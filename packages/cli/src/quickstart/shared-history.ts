import type { ConfigStore } from '@holdfast/store';
import { parseStoreUrl } from '@holdfast/store/adapter';
import type { OwnPrefix } from './own-prefix.js';

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$|^unix:/;

/**
 * Whether the last step may compact. A compaction forgets the history of the whole store, but no data: watches of other programs that
 * are behind must read again. So without `--compact` it is done only in this process, in an etcd on this machine, and in an etcd that
 * holds nothing else.
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

/** The reason for leaving the history alone. */
export function whyNotCompacted(store: ConfigStore): string {
  if (!store.capabilities.compaction)
    return 'not compacted: this store, or the view that the URL asks for, has no compaction';
  return 'not compacted: others use this etcd too, and its history is theirs as well; --compact does it all the same';
}
