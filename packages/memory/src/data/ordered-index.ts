import type { ByteString, Interval } from './byte-string.js';

/** The part of an entry that the index needs. Whoever changes `live` or `newest` calls {@link OrderedIndex.touch}. */
export interface IndexEntry {
  readonly key: ByteString;
  /** Whether the key exists at the head of the history. */
  readonly live: boolean;
  /** The revision of its last change. */
  readonly newest: number;
}

/** Sums over a subtree. By them walks skip what they don't want. */
export interface Summary {
  /** The number of live entries. */
  readonly live: number;
  /** No entry changed after this revision. An upper bound: removals don't lower it. */
  readonly newest: number;
}

interface Leaf<E> {
  readonly kind: 'leaf';
  /** `entries[i].key`, kept beside the entries so that a search does not touch them. */
  readonly keys: ByteString[];
  readonly entries: E[];
  live: number;
  newest: number;
}

interface Inner<E> {
  readonly kind: 'inner';
  /** `keys[i]` is at or below every key of `children[i]`, and above every key of `children[i - 1]`. */
  readonly keys: ByteString[];
  readonly children: Node<E>[];
  live: number;
  newest: number;
}

type Node<E> = Leaf<E> | Inner<E>;

const MAX_WIDTH = 64;
const MIN_WIDTH = 16;

export interface WalkOptions {
  readonly descending?: boolean;
  /** Whether a subtree can hold something of interest. */
  readonly wanted?: (summary: Summary) => boolean;
}

/**
 * A B+tree of entries by key. Every subtree sums up its live entries and its newest change. So inserting, removing and
 * counting are O(log n), and "what changed after R" costs what it finds.
 */
export class OrderedIndex<E extends IndexEntry> {
  #root: Node<E> = leaf([], []);
  // The same entries, to look one up: in a large tree a search makes twenty comparisons, each with a key that is in no cache.
  readonly #byKey = new Map<ByteString, E>();

  /** The number of entries, live or not. */
  get size(): number {
    return this.#byKey.size;
  }

  get summary(): Summary {
    return this.#root;
  }

  get(key: ByteString): E | undefined {
    return this.#byKey.get(key);
  }

  /** Adds an entry. Its key must be new. */
  insert(entry: E): void {
    const right = insertInto(this.#root, entry);
    if (right !== undefined) this.#root = inner([smallestKey(this.#root), smallestKey(right)], [this.#root, right]);
    this.#byKey.set(entry.key, entry);
  }

  /** To be called when an entry's `newest` went up, with the change of its `live` (−1, 0 or 1). */
  touch(entry: E, liveDelta: number): void {
    let node = this.#root;
    for (;;) {
      node.live += liveDelta;
      if (entry.newest > node.newest) node.newest = entry.newest;
      if (node.kind === 'leaf') return;
      node = childFor(node, entry.key);
    }
  }

  /** Removes an entry. It must be in the index. */
  remove(entry: E): void {
    removeFrom(this.#root, entry);
    while (this.#root.kind === 'inner' && this.#root.children.length === 1) {
      const [only] = this.#root.children;
      if (only !== undefined) this.#root = only;
    }
    this.#byKey.delete(entry.key);
  }

  /**
   * Calls `visit` with the entries of the interval, in order, until it returns false; then it returns false too. The index must
   * not change meanwhile.
   */
  walk(interval: Interval, visit: (entry: E) => boolean, options: WalkOptions = {}): boolean {
    return walkNode(this.#root, interval.start, interval.end, visit, options);
  }

  /** The number of entries of the interval that are live at the head: O(log n). */
  count(interval: Interval): number {
    return countNode(this.#root, interval.start, interval.end, undefined);
  }

  /**
   * The number of entries of the interval that were live at a past revision. Costs what changed since: a subtree without a
   * change after `revision` is counted without being entered.
   */
  countAt(interval: Interval, revision: number, liveThen: (entry: E) => boolean): number {
    return countNode(this.#root, interval.start, interval.end, { revision, liveThen });
  }

  /** Checks the tree's invariants, and gives its depth and the width of its narrowest node. For tests. */
  check(): { depth: number; narrowest: number } {
    return checkNode(this.#root, undefined, undefined, true);
  }
}

function leaf<E extends IndexEntry>(keys: ByteString[], entries: E[]): Leaf<E> {
  const node: Leaf<E> = { kind: 'leaf', keys, entries, live: 0, newest: 0 };
  sumUp(node);
  return node;
}

function inner<E extends IndexEntry>(keys: ByteString[], children: Node<E>[]): Inner<E> {
  const node: Inner<E> = { kind: 'inner', keys, children, live: 0, newest: 0 };
  sumUp(node);
  return node;
}

function sumUp<E extends IndexEntry>(node: Node<E>): void {
  let live = 0;
  let newest = 0;
  if (node.kind === 'leaf') {
    for (const entry of node.entries) {
      if (entry.live) live += 1;
      if (entry.newest > newest) newest = entry.newest;
    }
  } else {
    for (const child of node.children) {
      live += child.live;
      if (child.newest > newest) newest = child.newest;
    }
  }
  node.live = live;
  node.newest = newest;
}

/** The first position whose key is not below `key`. */
function lowerBound(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as ByteString) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The position of the child that holds `key` if any does: the last one whose lower bound is not above it. */
function childIndex(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as ByteString) <= key) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

function childFor<E>(node: Inner<E>, key: ByteString): Node<E> {
  return node.children[childIndex(node.keys, key)] as Node<E>;
}

function smallestKey<E>(node: Node<E>): ByteString {
  return node.keys[0] ?? '';
}

/** Inserts below `node`. If it becomes too wide, splits it and returns the new right half. */
function insertInto<E extends IndexEntry>(node: Node<E>, entry: E): Node<E> | undefined {
  if (entry.live) node.live += 1;
  if (entry.newest > node.newest) node.newest = entry.newest;
  if (node.kind === 'leaf') {
    const at = lowerBound(node.keys, entry.key);
    node.keys.splice(at, 0, entry.key);
    node.entries.splice(at, 0, entry);
    return node.keys.length > MAX_WIDTH ? split(node, at) : undefined;
  }
  const at = childIndex(node.keys, entry.key);
  const child = node.children[at] as Node<E>;
  // Only the leftmost child takes keys below its bound. The bound follows them down.
  if (entry.key < (node.keys[at] as ByteString)) node.keys[at] = entry.key;
  const right = insertInto(child, entry);
  if (right === undefined) return undefined;
  node.keys.splice(at + 1, 0, smallestKey(right));
  node.children.splice(at + 1, 0, right);
  return node.keys.length > MAX_WIDTH ? split(node, at + 1) : undefined;
}

/** A split at the end leaves the left node full instead of half empty, so that keys that come in order fill their nodes. */
function split<E extends IndexEntry>(node: Node<E>, insertedAt: number): Node<E> {
  const width = node.keys.length;
  const at = insertedAt === width - 1 ? width - 1 : width >>> 1;
  const right =
    node.kind === 'leaf'
      ? leaf(node.keys.splice(at), node.entries.splice(at))
      : inner(node.keys.splice(at), node.children.splice(at));
  sumUp(node);
  return right;
}

function removeFrom<E extends IndexEntry>(node: Node<E>, entry: E): void {
  if (entry.live) node.live -= 1;
  if (node.kind === 'leaf') {
    const at = lowerBound(node.keys, entry.key);
    node.keys.splice(at, 1);
    node.entries.splice(at, 1);
    return;
  }
  const at = childIndex(node.keys, entry.key);
  const child = node.children[at] as Node<E>;
  removeFrom(child, entry);
  if (child.keys.length < MIN_WIDTH) narrow(node, at);
}

/**
 * Merges a child that became narrow with a neighbour if both fit into one node, and drops the child if it is empty. A
 * neighbour that is too wide for that is wide enough for two, so nothing is borrowed.
 */
function narrow<E extends IndexEntry>(parent: Inner<E>, at: number): void {
  const child = parent.children[at] as Node<E>;
  if (child.keys.length === 0) {
    parent.keys.splice(at, 1);
    parent.children.splice(at, 1);
    return;
  }
  for (const left of [at - 1, at]) {
    const a = parent.children[left];
    const b = parent.children[left + 1];
    if (a === undefined || b === undefined || a.keys.length + b.keys.length > MAX_WIDTH) continue;
    a.keys.push(...b.keys);
    if (a.kind === 'leaf' && b.kind === 'leaf') a.entries.push(...b.entries);
    else if (a.kind === 'inner' && b.kind === 'inner') a.children.push(...b.children);
    sumUp(a);
    parent.keys.splice(left + 1, 1);
    parent.children.splice(left + 1, 1);
    return;
  }
}

// `start` and `end` are undefined below a child that lies inside them completely.
type Bound = ByteString | undefined;

function walkNode<E extends IndexEntry>(
  node: Node<E>,
  start: Bound,
  end: Bound,
  visit: (entry: E) => boolean,
  options: WalkOptions,
): boolean {
  if (options.wanted?.(node) === false) return true;
  const [first, last] = span(node, start, end);
  const step = options.descending === true ? -1 : 1;
  for (let i = step === 1 ? first : last; i >= first && i <= last; i += step) {
    const goOn =
      node.kind === 'leaf'
        ? visit(node.entries[i] as E)
        : walkNode(
            node.children[i] as Node<E>,
            i === first ? start : undefined,
            i === last ? end : undefined,
            visit,
            options,
          );
    if (!goOn) return false;
  }
  return true;
}

interface PastCount<E> {
  readonly revision: number;
  readonly liveThen: (entry: E) => boolean;
}

function countNode<E extends IndexEntry>(
  node: Node<E>,
  start: Bound,
  end: Bound,
  past: PastCount<E> | undefined,
): number {
  if (start === undefined && end === undefined && (past === undefined || node.newest <= past.revision))
    return node.live;
  const [first, last] = span(node, start, end);
  let count = 0;
  for (let i = first; i <= last; i++) {
    if (node.kind === 'leaf') {
      const entry = node.entries[i] as E;
      if (past === undefined ? entry.live : past.liveThen(entry)) count += 1;
    } else {
      const child = node.children[i] as Node<E>;
      count += countNode(child, i === first ? start : undefined, i === last ? end : undefined, past);
    }
  }
  return count;
}

/** The first and the last position of a node that the bounds touch. In an empty span the last comes before the first. */
function span<E>(node: Node<E>, start: Bound, end: Bound): [number, number] {
  if (node.kind === 'leaf') {
    return [
      start === undefined ? 0 : lowerBound(node.keys, start),
      (end === undefined ? node.keys.length : lowerBound(node.keys, end)) - 1,
    ];
  }
  return [
    start === undefined ? 0 : childIndex(node.keys, start),
    end === undefined ? node.children.length - 1 : childIndex(node.keys, end),
  ];
}

function checkNode<E extends IndexEntry>(
  node: Node<E>,
  low: Bound,
  high: Bound,
  isRoot: boolean,
): { depth: number; narrowest: number } {
  const fail = (what: string): never => {
    throw new Error(`the index is corrupt: ${what}`);
  };
  const width = node.keys.length;
  if (width > MAX_WIDTH || (width === 0 && !isRoot)) fail(`a node is ${width} wide`);
  node.keys.forEach((key, i) => {
    const before = node.keys[i - 1];
    if (before !== undefined && before >= key) fail('keys are out of order');
    if ((low !== undefined && key < low) || (high !== undefined && key >= high)) fail('a key is outside its node');
  });
  const { live, newest } = node;
  sumUp(node);
  if (node.live !== live || node.newest > newest) fail('a summary is wrong');
  node.newest = newest;
  if (node.kind === 'leaf') return { depth: 1, narrowest: isRoot ? MAX_WIDTH : width };
  if (node.children.length !== width) fail('bounds and children differ in number');
  const below = node.children.map((child, i) => checkNode(child, node.keys[i], node.keys[i + 1] ?? high, false));
  const depth = below[0]?.depth ?? 0;
  if (below.some((child) => child.depth !== depth)) fail('leaves lie at different depths');
  return { depth: depth + 1, narrowest: Math.min(width, ...below.map((child) => child.narrowest)) };
}
