import { noPhantom, Resource, Succession, type Acquisition, type Candidate } from '@holdfast/locks/judging';
import type { Commit, Epoch, Truth } from '../truth/truth.js';
import { NAMES } from './plan.js';

/** A key by which something was acquired, in one history. */
export interface Grip {
  readonly name: string;
  readonly key: string;
  readonly createRevision: number;
  readonly epoch: Epoch;
}

/** What really happened to the queues of a world: the truth about each lock and election, in each history. */
export class Queues {
  readonly #truth: Truth;
  readonly #successions = new Map<Epoch, Map<string, Succession>>();
  readonly #resources = new Map<string, Resource>();
  readonly #acquisitions = new Map<string, Acquisition[]>();
  /** Keys, and the beginnings of keys, that somebody from outside took from their owners. */
  readonly #taken = new Set<string>();
  readonly #now: () => number;

  constructor(truth: Truth, now: () => number) {
    this.#truth = truth;
    this.#now = now;
  }

  /** A history begins. */
  begin(): void {
    this.#of(this.#truth.current);
  }

  noteCommit({ revision, keys }: Commit): void {
    const epoch = this.#truth.current;
    const changes = keys.map((key) => ({ key, candidate: candidateAt(epoch, key, revision) }));
    for (const succession of this.#of(epoch).values()) succession.apply(revision, changes);
  }

  /** Those of a name in all histories, in their order. */
  successions(name: string): readonly Succession[] {
    return this.#truth.epochs.flatMap((epoch) => this.#of(epoch).get(name) ?? []);
  }

  /** The first of a queue, now. */
  first(name: string): Candidate | undefined {
    return this.#of(this.#truth.current).get(name)?.leader;
  }

  /** Who stands in a queue now, the oldest first. */
  candidates(name: string): readonly Candidate[] {
    const candidates = this.#of(this.#truth.current).get(name)?.candidates ?? [];
    return [...candidates].sort((a, b) => a.createRevision - b.createRevision);
  }

  isFirst({ name, key, createRevision }: Pick<Grip, 'name' | 'key' | 'createRevision'>): boolean {
    const first = this.first(name);
    return first?.key === key && first.createRevision === createRevision;
  }

  /** What a lock protects. In a restored store tokens may come again: each history has a resource of its own. */
  resource(name: string, epoch: Epoch): Resource {
    const id = `${epoch.index} ${name}`;
    let resource = this.#resources.get(id);
    if (resource === undefined) {
      resource = new Resource(true, this.#now);
      this.#resources.set(id, resource);
    }
    return resource;
  }

  get resources(): Iterable<Resource> {
    return this.#resources.values();
  }

  noteAcquisition(name: string, acquisition: Acquisition): void {
    const known = this.#acquisitions.get(name);
    if (known === undefined) this.#acquisitions.set(name, [acquisition]);
    else known.push(acquisition);
  }

  phantoms(): readonly string[] {
    return NAMES.flatMap((name) => noPhantom(this.successions(name), this.#acquisitions.get(name) ?? []));
  }

  /** Somebody from outside deletes a key. */
  take(key: string): void {
    this.#taken.add(key);
  }

  /** Somebody from outside revokes a lease. */
  takeLease(lease: string): void {
    for (const name of NAMES) {
      this.#taken.add(`${name}/${BigInt(lease).toString(16)}-`);
    }
  }

  /** Whether anything was taken from anybody: one whose key was deleted stands at the end of the queue again. */
  get wereTaken(): boolean {
    return this.#taken.size > 0 || this.#truth.epochs.length > 1;
  }

  /** Whether its holder could not know by time alone that it lost it. */
  wasTaken({ key, epoch }: Pick<Grip, 'key' | 'epoch'>): boolean {
    if (epoch !== this.#truth.current) return true;
    for (const taken of this.#taken) if (key.startsWith(taken)) return true;
    return false;
  }

  #of(epoch: Epoch): ReadonlyMap<string, Succession> {
    let own = this.#successions.get(epoch);
    if (own === undefined) {
      const initial = [...epoch.keys].flatMap((key) => candidateAt(epoch, key, epoch.from) ?? []);
      own = new Map(NAMES.map((name) => [name, new Succession(name, epoch.identity, epoch.from, initial)]));
      this.#successions.set(epoch, own);
    }
    return own;
  }
}

function candidateAt(epoch: Epoch, key: string, revision: number): Candidate | undefined {
  const version = epoch.at(key, revision);
  return version && { key, createRevision: version.createRevision, value: version.text };
}
