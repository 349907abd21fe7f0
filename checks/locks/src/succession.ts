import type { Token } from '@holdfast/coordination';

/** A key that stands in a queue. The oldest one holds the lock, or leads. */
export interface Candidate {
  readonly key: string;
  readonly createRevision: number;
  readonly value: string;
}

/** What a revision did to a key of a queue. */
export interface QueueChange {
  readonly key: string;
  /** `undefined`: the key was deleted. */
  readonly candidate: Candidate | undefined;
}

/** Who holds or leads from a revision on; `undefined`: nobody. The same leader begins a new reign with each value that it proclaims. */
export interface Reign {
  readonly revision: number;
  readonly leader: Candidate | undefined;
}

/** The form of the keys of a queue, as etcd's own clients and Holdfast write them. */
const CANDIDATE = /^[0-9a-f]{1,16}(?:-[0-9a-z]+)?$/;

/** Who really held a lock, or led an election, one after another, in one history. It is made from what happened at the server. */
export class Succession {
  readonly name: string;
  readonly identity: string;
  readonly reigns: Reign[] = [];
  readonly #candidates = new Map<string, Candidate>();

  /** @param initial what is in the store at the first known revision; other keys than those of the queue are left out */
  constructor(name: string, identity: string, revision: number, initial: Iterable<Candidate>) {
    this.name = name;
    this.identity = identity;
    for (const candidate of initial) if (this.#isIn(candidate.key)) this.#candidates.set(candidate.key, candidate);
    this.reigns.push({ revision, leader: this.#first() });
  }

  get leader(): Candidate | undefined {
    return this.reigns.at(-1)?.leader;
  }

  /** Who stands in the queue, in no order. */
  get candidates(): Iterable<Candidate> {
    return this.#candidates.values();
  }

  /** The changes of one revision: there is no state between them. */
  apply(revision: number, changes: Iterable<QueueChange>): void {
    for (const { key, candidate } of changes) {
      if (!this.#isIn(key)) continue;
      if (candidate === undefined) this.#candidates.delete(key);
      else this.#candidates.set(key, candidate);
    }
    const leader = this.#first();
    if (!isSame(leader, this.leader)) this.reigns.push({ revision, leader });
  }

  /** Whether the holder of this token was ever the first of the queue. */
  hadHolder({ revision, identity }: Token): boolean {
    return identity === this.identity && this.reigns.some(({ leader }) => leader?.createRevision === revision);
  }

  #isIn(key: string): boolean {
    return key.startsWith(`${this.name}/`) && CANDIDATE.test(key.slice(this.name.length + 1));
  }

  #first(): Candidate | undefined {
    let first: Candidate | undefined;
    for (const each of this.#candidates.values()) {
      if (first === undefined || each.createRevision < first.createRevision) first = each;
    }
    return first;
  }
}

function isSame(a: Candidate | undefined, b: Candidate | undefined): boolean {
  return a?.createRevision === b?.createRevision && a?.value === b?.value;
}
