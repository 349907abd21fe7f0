import type { Compare, KeyValue, ListOptions, Op, Range, Revision, Txn, WatchEvent } from '@holdfast/store';
import { compareKeys, KeyRange } from '@holdfast/store/adapter';

type State = ReadonlyMap<string, KeyValue>;

const bytes = (value: string | Uint8Array) => (typeof value === 'string' ? new TextEncoder().encode(value) : value);
const rev = (revision: number) => revision as Revision;

/**
 * What a store should be, written for nothing but to be obviously right: a whole copy of the state for every revision,
 * and every question answered by looking at all of it.
 */
export class Model {
  readonly states: State[] = [new Map(), new Map()];
  readonly events: WatchEvent[] = [];
  compacted = 0;

  get head(): number {
    return this.states.length - 1;
  }

  at(revision: number = this.head): State {
    const state = this.states[revision];
    if (state === undefined) throw new Error(`the model has no revision ${revision}`);
    return state;
  }

  inRange(range: Range, state: State = this.at()): KeyValue[] {
    const keyRange = KeyRange.from(range);
    return [...state.values()].filter(({ key }) => keyRange.contains(key)).sort((a, b) => compareKeys(a.key, b.key));
  }

  list(range: Range, options: ListOptions = {}) {
    const all = this.inRange(range, this.at(options.revision));
    let items = all.filter(({ modRevision }) => modRevision >= (options.minModRevision ?? 0));
    if (options.sort !== undefined) {
      const { target, order } = options.sort;
      const sign = order === 'descend' ? -1 : 1;
      items = items
        .map((item, i) => ({ item, i }))
        .sort((a, b) => {
          if (target === 'key') return sign * (a.i - b.i);
          const difference =
            target === 'value'
              ? Buffer.compare(a.item.value, b.item.value)
              : (a.item[target] ?? 0) - (b.item[target] ?? 0);
          return difference === 0 ? a.i - b.i : sign * difference;
        })
        .map(({ item }) => item);
    }
    const limit = options.limit ?? Infinity;
    const more = options.countOnly !== true && items.length > limit;
    if (options.countOnly === true) items = [];
    items = items.slice(0, limit);
    if (options.keysOnly === true) items = items.map((item) => ({ ...item, value: new Uint8Array(0) }));
    return { items, more, count: all.length };
  }

  /** Runs operations as one revision, and returns what each saw. */
  apply(txn: Txn): { succeeded: boolean; revision: number; results: unknown[] } {
    const draft = new Map(this.at());
    const events: WatchEvent[] = [];
    const before = this.at();
    const result = this.#run(txn, before, draft, events);
    if (events.length > 0) {
      this.states.push(draft);
      this.events.push(...events);
    }
    return { ...result, revision: this.head };
  }

  #run(txn: Txn, before: State, draft: Map<string, KeyValue>, events: WatchEvent[]) {
    const succeeded = (txn.if ?? []).every((compare) => this.#holds(compare, before));
    const ops = (succeeded ? txn.then : txn.else) ?? [];
    return { succeeded, results: ops.map((op) => this.#op(op, before, draft, events)) };
  }

  #op(op: Op, before: State, draft: Map<string, KeyValue>, events: WatchEvent[]): unknown {
    const revision = rev(this.head + 1);
    switch (op.type) {
      case 'put': {
        const previous = draft.get(op.key);
        const current: KeyValue = {
          key: op.key,
          value: op.ignoreValue === true ? (previous?.value ?? bytes('')) : bytes(op.value),
          createRevision: previous?.createRevision ?? revision,
          modRevision: revision,
          version: (previous?.version ?? 0) + 1,
        };
        draft.set(op.key, current);
        events.push({
          type: 'put',
          revision,
          current,
          isCreate: previous === undefined,
          ...(previous && { previous }),
        });
        return op.previous === true ? previous : undefined;
      }
      case 'delete': {
        const deleted = this.inRange(op.range, draft);
        for (const previous of deleted) {
          draft.delete(previous.key);
          events.push({ type: 'delete', revision, key: previous.key, previous });
        }
        return deleted;
      }
      case 'get':
        return draft.get(op.key);
      case 'list':
        return this.inRange(op.range, op.revision === undefined ? draft : this.at(op.revision));
      case 'txn':
        return this.#run(op.txn, before, draft, events);
    }
  }

  #holds(compare: Compare, state: State): boolean {
    const found = this.inRange('range' in compare ? compare.range : compare.key, state);
    if (found.length > 0) return found.every((item) => holdsFor(compare, item));
    return compare.target !== 'value' && holdsFor(compare, undefined);
  }
}

function holdsFor(compare: Compare, item: KeyValue | undefined): boolean {
  const difference =
    compare.target === 'value'
      ? Buffer.compare(item?.value ?? bytes(''), bytes(compare.value))
      : compare.target === 'lease'
        ? 0
        : (item?.[compare.target] ?? 0) - compare.value;
  switch (compare.op) {
    case '=':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '>':
      return difference > 0;
  }
}
