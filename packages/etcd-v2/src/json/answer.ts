import { quoted } from '@holdfast/store/adapter';
import type { Revision } from '@holdfast/store';
import { contradiction, notEtcds, shown } from './bad-answer.js';
import { checkIndex, isReadable, parseJson, parseListing, type V2Event, type V2File, type V2Node } from './codec.js';
import { checkFile, checkNode, filesIn } from './node.js';

/** What a read gave: the node that was asked for, and the files that it is or holds, in no order. */
export interface ReadAnswer {
  readonly node: V2Node;
  readonly files: V2File[];
}

/** Where a watch polls. */
export interface Polled {
  /** Without a slash at its end; empty for the root. */
  readonly path: string;
  readonly recursive: boolean;
}

const PUTS: readonly unknown[] = ['set', 'create', 'update', 'compareAndSwap'];
const REMOVALS: readonly unknown[] = ['delete', 'expire', 'compareAndDelete'];

/**
 * The answer of a GET.
 *
 * @param asked the key or directory, without a slash at its end; empty for the root
 * @param head the answer's `X-Etcd-Index`
 * @throws BadAnswer
 */
export function parseRead(body: string, asked: string, head: number): ReadAnswer {
  const node = parseAnyRead(body);
  return { node, files: filesIn(node, asked, head) };
}

/** The answer of a GET of which only the headers are of interest. @throws BadAnswer where it is none */
export function parseAnyRead(body: string): V2Node {
  const { action, node } = parseListing(body);
  if (action !== 'get') throw notEtcds(`its action is ${shown(action)}, and not "get"`);
  return checkNode(node);
}

/**
 * The answer of a write that was done. With `noValueOnSuccess` it tells no node.
 *
 * @param isOwn whether a node may be the one that was written
 * @throws BadAnswer
 */
function parseWritten(body: string, isOwn: (key: string) => boolean, head: number): Partial<V2Event> {
  const { action, node, prevNode } = parseJson(body);
  if (!PUTS.includes(action) && !REMOVALS.includes(action)) {
    throw notEtcds(`its action is ${shown(action)}, and not one of a write`);
  }
  const written = node === undefined ? undefined : checkWritten(node, head);
  const previous = prevNode === undefined ? undefined : checkPrevious(prevNode, head);
  for (const { key = '' } of [written ?? {}, previous ?? {}]) {
    if (key !== '' && !isOwn(key)) throw contradiction(`it is about ${shown(key)}, which was not written`);
  }
  return {
    action: action as string,
    ...(written !== undefined && { node: written }),
    ...(previous !== undefined && { prevNode: previous }),
  };
}

/** How to read the answer of a write of this node alone. See {@link parseWritten}. */
export function writeOf(
  key: string,
): (response: { readonly body: string }, point: { readonly index?: number | undefined }) => Partial<V2Event> {
  return ({ body }, { index = 0 }) => parseWritten(body, (written) => written === key, index);
}

/** The answer of a POST: the entry that was made in a directory. @throws BadAnswer */
export function parseCreated(body: string, directory: string, head: number): V2File {
  const isNew = (key: string): boolean => key.startsWith(`${directory}/`) && !key.includes('/', directory.length + 1);
  const { node } = parseWritten(body, isNew, head);
  if (node === undefined) throw notEtcds('it does not tell which entry was made');
  return checkFile(node, head);
}

/**
 * What a long poll brought.
 *
 * @param from the first index that was asked for
 * @throws BadAnswer
 */
export function parsePolled(
  body: string,
  polled: Polled,
  from: number,
): { readonly event: V2Event; readonly index: Revision } {
  const { action, node: told, prevNode: before } = parseJson(body);
  const isPut = PUTS.includes(action);
  if (!isPut && !REMOVALS.includes(action)) {
    throw notEtcds(`its action is ${shown(action)}, which is not known here`);
  }
  const node = checkNode(told);
  const index = checkIndex(node.modifiedIndex, 'the index of an event of', node.key ?? '');
  if (index < from) throw contradiction(`it tells of index ${index}, and ${from} or later was asked for`);
  if (isPut && node.dir !== true) checkFile(node, index);
  const prevNode = before === undefined ? undefined : checkPrevious(before, index);
  const event = { action: action as string, node, ...(prevNode !== undefined && { prevNode }) };
  if ((prevNode !== undefined && prevNode.key !== node.key) || !isPolled(event, polled)) {
    throw contradiction(`it tells of ${shown(node.key)}, and ${quoted(polled.path)} is watched`);
  }
  return { event, index };
}

function checkWritten(value: unknown, head: number): V2Node {
  const node = checkNode(value);
  if (checkIndex(node.modifiedIndex, 'the modifiedIndex of', node.key ?? '') > head) {
    throw contradiction(`the write is at index ${node.modifiedIndex ?? 0}, and the store is at ${head}`);
  }
  checkIndex(node.createdIndex, 'the createdIndex of', node.key ?? '');
  return node;
}

function checkPrevious(value: unknown, head: number): V2Node {
  const node = checkNode(value);
  return node.dir === true ? node : checkFile(node, head);
}

/** Whether a poll of a path can bring an event: of itself, of what is below it, or of a directory that is gone with it. */
function isPolled({ action, node, prevNode }: V2Event, { path, recursive }: Polled): boolean {
  const { key } = node;
  if (key === undefined || !key.startsWith('/')) return false;
  if (key === path || (recursive && key.startsWith(`${path}/`))) return true;
  const isDirectory = node.dir === true || prevNode?.dir === true;
  // The history tells a watch of `/ab` of the directory `/a` as well. Bytes that are not UTF-8 can't be compared here.
  return REMOVALS.includes(action) && isDirectory && (path.startsWith(key) || !isReadable(key));
}
