import type { Compare, ConfigStore, DeleteOptions, ListOptions, Op, PutGuard, Range, Txn } from '@holdfast/store';
import type { Random } from './random.js';

// Keys that order differently by UTF-16 and by UTF-8 bytes, and prefixes of one another.
const KEYS = ['a', 'a/', 'a/b', 'a/bc', 'a/é', 'b', 'b/\u{10000}', 'b/\uffff', 'c/\u0080', '\u{10ffff}'];
const PREFIXES = ['', 'a', 'a/', 'a/b', 'b/', 'b/\uffff', '\u{10ffff}', 'none'];
/** The leases that calls name; the last is never granted. */
const LEASES = ['1', '2', '3'];
const TTL_SECONDS = 1_000;

/** A call that can be made on any number of stores, to compare what they say. */
export interface RandomCall {
  /** For the message of a failed comparison. */
  readonly name: string;
  readonly args: unknown;
  run(store: ConfigStore): Promise<unknown>;
}

/** Random calls of every kind, of which some are refused: for want of a lease, key or revision, or as they conflict. */
export class RandomCalls {
  readonly #random: Random;
  /** The newest revision there is, to choose past and future ones by. */
  head = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  /** What a store needs before the first call. */
  static async prepare(store: ConfigStore): Promise<void> {
    for (const id of LEASES.slice(0, 2)) await store.leases.grant(TTL_SECONDS, { id });
  }

  next(): RandomCall {
    const random = this.#random;
    const choice = random.next();
    if (choice < 0.3) {
      const [key, value, options] = [this.#key(), this.#value(), this.#putOptions()];
      return { name: 'put', args: [key, value, options], run: (store) => store.put(key, value, options) };
    }
    if (choice < 0.4) {
      const [range, options] = [this.range(), { previous: random.chance(0.5) } satisfies DeleteOptions];
      return { name: 'delete', args: [range, options], run: (store) => store.delete(range, options) };
    }
    if (choice < 0.65) {
      const txn = this.#txn(1);
      return { name: 'txn', args: txn, run: (store) => store.txn(txn) };
    }
    if (choice < 0.85) {
      const [range, options] = [this.range(), this.#listOptions()];
      return { name: 'list', args: [range, options], run: (store) => store.list(range, options) };
    }
    if (choice < 0.87) {
      const revision = Math.max(1, this.head + 1 - random.int(20));
      return { name: 'compact', args: revision, run: (store) => store.compact(revision) };
    }
    if (choice < 0.88) return this.#replaceLease(random.pick(LEASES.slice(0, 2)));
    if (choice < 0.92) return this.#leaseStatus(random.pick(LEASES));
    const [key, value, guard] = [this.#key(), this.#value(), this.#guard()];
    const options = { ...guard, previous: true };
    return { name: 'guarded put', args: [key, value, options], run: (store) => store.put(key, value, options) };
  }

  range(): Range {
    const random = this.#random;
    const choice = random.next();
    if (choice < 0.3) return { key: this.#key() };
    if (choice < 0.7) return { prefix: random.pick(PREFIXES) };
    const [start = '', end = ''] = [this.#key(), this.#key()].sort((a, b) => Buffer.from(a).compare(Buffer.from(b)));
    return start === end || random.chance(0.3) ? { start } : { start, end };
  }

  #key(): string {
    return this.#random.pick(KEYS);
  }

  #value(): string {
    return this.#random.pick(['', '1', '2', 'é', 'long'.repeat(10)]);
  }

  #putOptions() {
    const random = this.#random;
    return { ...(random.chance(0.3) && { lease: random.pick(LEASES) }), ...(random.chance(0.5) && { previous: true }) };
  }

  #guard(): PutGuard {
    const modRevision = 1 + this.#random.int(this.head);
    return this.#random.pick<PutGuard>([
      { ifAbsent: true },
      { ifPresent: true },
      { ifModRevision: modRevision },
      { ifValue: this.#value() },
    ]);
  }

  #listOptions(): ListOptions {
    const random = this.#random;
    return {
      ...(random.chance(0.3) && { revision: Math.max(1, this.head + 2 - random.int(12)) }),
      ...(random.chance(0.4) && { limit: 1 + random.int(6) }),
      ...(random.chance(0.2) && { keysOnly: true }),
      ...(random.chance(0.1) && { countOnly: true }),
      ...(random.chance(0.3) && { minModRevision: 1 + random.int(this.head) }),
      // Targets without ties: their order among equals is nobody's promise.
      ...(random.chance(0.4) && { sort: { target: 'key', order: random.pick(['ascend', 'descend'] as const) } }),
    };
  }

  #txn(depth: number): Txn {
    const ifs = Array.from({ length: this.#random.int(3) }, () => this.#compare());
    return { if: ifs, then: this.#ops(depth), else: this.#ops(depth) };
  }

  #ops(depth: number): Op[] {
    return Array.from({ length: this.#random.int(4) }, () => this.#op(depth));
  }

  #op(depth: number): Op {
    const random = this.#random;
    const choice = random.next();
    const key = this.#key();
    if (choice < 0.2) return { type: 'list', range: this.range(), ...this.#listOptions() };
    if (choice < 0.3) return { type: 'get', key };
    if (choice < 0.5)
      return { type: 'delete', range: random.chance(0.3) ? this.range() : key, previous: random.chance(0.5) };
    if (choice < 0.75 && depth < 3) return { type: 'txn', txn: this.#txn(depth + 1) };
    if (choice < 0.8) return { type: 'put', key, value: '', ignoreValue: true };
    if (choice < 0.85) return { type: 'put', key, value: this.#value(), ignoreLease: true };
    return { type: 'put', key, value: this.#value(), ...this.#putOptions() };
  }

  #compare(): Compare {
    const random = this.#random;
    const on = random.chance(0.7) ? { key: this.#key() } : { range: this.range() };
    const op = random.pick(['=', '!=', '<', '>'] as const);
    const target = random.pick(['value', 'lease', 'version', 'createRevision', 'modRevision'] as const);
    if (target === 'value') return { ...on, op, target, value: this.#value() };
    if (target === 'lease') return { ...on, op, target, value: random.pick([...LEASES, 0 as const]) };
    return { ...on, op, target, value: random.int(target === 'version' ? 4 : this.head + 2) };
  }

  #replaceLease(id: string): RandomCall {
    return {
      name: 'revoke and grant',
      args: id,
      run: async (store) => {
        await store.leases.revoke(id);
        await store.leases.grant(TTL_SECONDS, { id });
      },
    };
  }

  #leaseStatus(id: string): RandomCall {
    return {
      name: 'timeToLive',
      args: id,
      run: async (store) => {
        const { grantedTtl, keys = [] } = await store.leases.timeToLive(id, { keys: true });
        return { grantedTtl, keys: [...keys].sort() };
      },
    };
  }
}
