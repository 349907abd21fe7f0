import { StoreError, type Revision, type UndecodableKey, type WatchEvent } from '@holdfast/store';
import { KeyRange, prefixEnd, type DriverWatchOptions } from '@holdfast/store/adapter';
import { isReadable, rawKeyBytes, toKeyValue, type V2Event, type V2Node } from '../json/codec.js';
import { shown } from '../json/bad-answer.js';
import { isHidden } from '../json/key-path.js';

/** The translation of a server's event for one watch: an event of the contract, an undecodable key, or nothing. */
export type Translated =
  | { readonly kind: 'event'; readonly event: WatchEvent }
  | { readonly kind: 'undecodable'; readonly entry: UndecodableKey }
  | undefined;

/**
 * Translates an event for a watch of `range`. Long polls bring more than the range: siblings of a prefix, directories, hidden nodes
 * (only from the past), and the deletion of `/a` for a watch of `/ab`.
 *
 * @throws StoreError `internal` for an unknown action
 */
export function translate(
  { action, node, prevNode }: V2Event,
  range: KeyRange,
  options: Pick<DriverWatchOptions, 'previous' | 'only'>,
): Translated {
  const key = node.key ?? '/';
  if (isHidden(key)) return undefined;
  switch (action) {
    case 'set':
    case 'create':
    case 'update':
    case 'compareAndSwap':
      if (node.dir !== true) return put(node, prevNode, key, range, options);
      // A directory that took the place of an entry ends that entry; otherwise no entry is concerned.
      return prevNode !== undefined && prevNode.dir !== true ? removal(node, prevNode, key, range, options) : undefined;
    case 'delete':
    case 'expire':
    case 'compareAndDelete':
      return node.dir === true || prevNode?.dir === true
        ? directoryRemoval(node, key, range, options)
        : removal(node, prevNode, key, range, options);
    default:
      throw new StoreError('internal', `etcd told of an action ${shown(action)}, which is not known here`);
  }
}

function put(
  node: V2Node,
  prevNode: V2Node | undefined,
  key: string,
  range: KeyRange,
  { previous, only }: Pick<DriverWatchOptions, 'previous' | 'only'>,
): Translated {
  if (!isReadable(key)) return undecodable(node, key, range, false);
  if (only === 'delete' || !range.contains(key)) return undefined;
  const isEntry = prevNode !== undefined && prevNode.dir !== true;
  return {
    kind: 'event',
    event: {
      type: 'put',
      revision: node.modifiedIndex as Revision,
      current: toKeyValue(node),
      isCreate: !isEntry,
      ...(previous && isEntry && { previous: toKeyValue(prevNode) }),
    },
  };
}

function removal(
  node: V2Node,
  prevNode: V2Node | undefined,
  key: string,
  range: KeyRange,
  { previous, only }: Pick<DriverWatchOptions, 'previous' | 'only'>,
): Translated {
  if (!isReadable(key)) return undecodable(node, key, range, true);
  if (only === 'put' || !range.contains(key)) return undefined;
  return {
    kind: 'event',
    event: {
      type: 'delete',
      revision: node.modifiedIndex as Revision,
      key,
      ...(previous && prevNode !== undefined && { previous: toKeyValue(prevNode) }),
    },
  };
}

/** One event for a whole directory. The server does not list its content. */
function directoryRemoval(
  node: V2Node,
  key: string,
  range: KeyRange,
  { only }: Pick<DriverWatchOptions, 'only'>,
): Translated {
  if (only === 'put') return undefined;
  const below = `${key}/`;
  const raw = rawKeyBytes(below);
  const directory = isReadable(below) ? KeyRange.ofPrefix(below) : KeyRange.ofInterval(raw, prefixEnd(raw));
  const gone = directory.intersect(range);
  if (gone === undefined) return undefined;
  return {
    kind: 'event',
    event: { type: 'delete-range', revision: node.modifiedIndex as Revision, range: gone.toRange() },
  };
}

function undecodable(node: V2Node, key: string, range: KeyRange, deleted: boolean): Translated {
  const rawKey = rawKeyBytes(key);
  if (!range.contains(rawKey)) return undefined;
  return { kind: 'undecodable', entry: { rawKey, revision: node.modifiedIndex as Revision, deleted } };
}
