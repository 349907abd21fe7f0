import { decodeUtf8, type KeyRange } from '@holdfast/store/adapter';

/** The place where a range is read and watched: a key, or the nearest directory that contains all of it. */
export interface Located {
  /** The request's path, percent-encoded. That of a directory ends with a slash: otherwise roles such as `/app/*` don't match. */
  readonly path: string;
  /** Whether the nodes below belong to it. */
  readonly recursive: boolean;
  /** A path inside it without an entry, for reading the index alone. */
  readonly probe: string;
}

const KEYS = '/v2/keys';
// For ranges without storable keys: keys of etcd v2 begin with a slash, and have no empty segments.
const NOWHERE: Located = { path: `${KEYS}/_/_`, recursive: false, probe: `${KEYS}/_/_` };

/** The request path of a key. */
export function keyPath(key: string): string {
  return KEYS + key.split('/').map(encodeURIComponent).join('/');
}

/** The key or directory that a request path names; without the slash that a directory's path ends with. */
export function keyOf(path: string): string {
  const [encoded = ''] = path.slice(KEYS.length).split('?');
  return encoded.replace(/\/$/, '').split('/').map(decodeURIComponent).join('/');
}

/** Whether a key, or a directory above it, is hidden: etcd v2 leaves those out of listings and of live watches. */
export function isHidden(key: string): boolean {
  return key.includes('/_');
}

/** Locates a range. A prefix that ends inside a name is read from the directory above, and filtered. */
export function locate(range: KeyRange): Located {
  if (range.key !== undefined) {
    const path =
      isStorable(range.key.slice(1)) && range.key.startsWith('/') ? keyPath(range.key) : nowhereNear(range.key);
    return { path, recursive: false, probe: path };
  }
  const shared = sharedPrefix(range);
  if (shared === undefined) return NOWHERE;
  const directory = shared.slice(0, shared.lastIndexOf('/') + 1);
  if (directory === '' || directory === '/') {
    return shared === '' || shared.startsWith('/') ? at(`${KEYS}/`) : NOWHERE;
  }
  if (!directory.startsWith('/') || !isStorable(directory.slice(1, -1))) return NOWHERE;
  return at(keyPath(directory));
}

/**
 * A path without an entry, for a key that can't be stored: in the deepest directory above it that can be there, because its user may have
 * permissions for that one only.
 */
function nowhereNear(key: string): string {
  if (!key.startsWith('/')) return NOWHERE.path;
  const segments = key.slice(1).split('/').slice(0, -1);
  const end = segments.findIndex((segment) => !isStorable(segment));
  return keyPath(['', ...(end < 0 ? segments : segments.slice(0, end)), '_'].join('/'));
}

/** The directory that equals a range: `{ prefix: '/a/' }` is `/a`. `undefined` for other ranges. */
export function exactDirectory(range: KeyRange): string | undefined {
  const { prefix } = range;
  if (prefix === undefined || prefix.length < 3 || !prefix.startsWith('/') || !prefix.endsWith('/')) return undefined;
  return isStorable(prefix.slice(1, -1)) ? prefix.slice(0, -1) : undefined;
}

function at(directory: string): Located {
  return { path: directory, recursive: true, probe: `${directory}_` };
}

/** The common prefix of all keys of the range, at least up to its last slash; `undefined` if it is not UTF-8. */
function sharedPrefix({ prefix, start, end }: KeyRange): string | undefined {
  if (prefix !== undefined) return prefix;
  if (end === undefined) return '';
  let length = 0;
  while (length < start.length && start[length] === end[length]) length += 1;
  const slash = start.subarray(0, length).lastIndexOf(0x2f);
  // Cut at a slash: such a cut is never inside a character.
  return decodeUtf8(start.subarray(0, slash + 1));
}

function isStorable(segments: string): boolean {
  return segments
    .split('/')
    .every((segment) => segment !== '' && segment !== '.' && segment !== '..' && !segment.startsWith('_'));
}
