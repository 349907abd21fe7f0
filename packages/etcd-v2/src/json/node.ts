import { contradiction, notEtcds, shown } from './bad-answer.js';
import { checkIndex, isIndex, isObject, isReadable, type V2File, type V2Node } from './codec.js';

/**
 * Every file at or below a node that was read, in no order. All of it is checked, since what is missing here would be taken
 * for deleted.
 *
 * @param asked the path that was asked for, without a slash at its end; empty for the root
 * @param head the store's index when it answered
 * @throws BadAnswer
 */
export function filesIn(node: unknown, asked: string, head: number): V2File[] {
  const top = checkNode(node);
  if ((top.key ?? '') !== asked && !(asked === '' && top.key === '/')) {
    throw contradiction(`it is about ${shown(top.key)}, and ${shown(asked)} was asked for`);
  }
  if (top.dir !== true) return [checkFile(top, head)];
  const files: V2File[] = [];
  const directories: [V2Node, string][] = [[top, `${asked}/`]];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    const [directory, below] = next;
    for (const entry of directory.nodes ?? []) {
      if (isSound(entry, below, head)) {
        files.push(entry);
        continue;
      }
      const child = checkNode(entry);
      const { key = '' } = child;
      if (!key.startsWith(below) || key.length === below.length || key.includes('/', below.length)) {
        throw contradiction(`it lists ${shown(key)} in the directory ${shown(below)}`);
      }
      if (child.dir === true) directories.push([child, `${key}/`]);
      else files.push(checkFile(child, head));
    }
    checkDistinct(directory.nodes ?? []);
  }
  return files;
}

/** The same in short, for the many entries of a large directory: whatever does not pass is looked at more closely. */
function isSound(node: V2Node | null, below: string, head: number): node is V2File {
  if (node === null) return false;
  const { key, value, dir, nodes, expiration, createdIndex, modifiedIndex, ttl } = node;
  return (
    typeof key === 'string' &&
    key.startsWith(below) &&
    key.length > below.length &&
    !key.includes('/', below.length) &&
    typeof value === 'string' &&
    dir === undefined &&
    nodes === undefined &&
    expiration === undefined &&
    ttl === undefined &&
    isIndex(createdIndex) &&
    isIndex(modifiedIndex) &&
    createdIndex <= modifiedIndex &&
    modifiedIndex <= head
  );
}

/** That no name is listed twice: which of the two would be right? Names that are not UTF-8 may look the same. */
function checkDistinct(nodes: readonly V2Node[]): void {
  let last = '';
  let isSorted = true;
  for (const { key = '' } of nodes) {
    isSorted &&= key > last;
    last = key;
  }
  // Nearly always the server has sorted them.
  if (isSorted) return;
  const names = nodes.flatMap(({ key = '' }) => (isReadable(key) ? [key] : []));
  if (new Set(names).size < names.length) throw contradiction('it lists one key twice');
}

/** @throws BadAnswer where what should be a node is none; what its numbers are worth is not looked at. */
export function checkNode(value: unknown): V2Node {
  if (!isObject(value)) throw notEtcds('it has something else where a node should be');
  const { key, dir, nodes, value: text, expiration, ttl } = value;
  const fits =
    isOptional(key, 'string') &&
    isOptional(dir, 'boolean') &&
    isOptional(text, 'string') &&
    isOptional(ttl, 'number') &&
    (expiration === undefined || (typeof expiration === 'string' && !Number.isNaN(Date.parse(expiration)))) &&
    (nodes === undefined || (Array.isArray(nodes) && dir === true)) &&
    (dir !== true || text === undefined);
  if (!fits) throw notEtcds('it has a node that no etcd would send');
  return value;
}

/** @throws BadAnswer where a node is not a whole entry: with its key, its value, and indexes that fit. */
export function checkFile(node: V2Node, head: number): V2File {
  const { key, value } = node;
  if (key === undefined || key === '' || value === undefined) throw notEtcds('it has an entry without key or value');
  const modified = checkIndex(node.modifiedIndex, 'the modifiedIndex of', key);
  const created = checkIndex(node.createdIndex, 'the createdIndex of', key);
  if (created > modified || modified > head) {
    throw contradiction(
      `${shown(key)} was created at ${created} and modified at ${modified}, and the store is at ${head}`,
    );
  }
  return node as V2File;
}

function isOptional(value: unknown, type: 'string' | 'boolean' | 'number'): boolean {
  return value === undefined || typeof value === type;
}
