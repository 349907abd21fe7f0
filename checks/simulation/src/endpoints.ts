import type { MemoryStore } from '@holdfast/memory';
import { type ConfigStore, DelegatingDriver } from '@holdfast/store';
import type { ForeignCluster } from './foreign-cluster.js';
import type { Access, Answerer } from './plan.js';
import type { Random } from './random.js';

/** Who answers at the other end of a connection. */
export interface Backend {
  readonly place: number;
  /** `undefined`: a member of the cluster. */
  readonly foreign: ForeignCluster | undefined;
  readonly store: ConfigStore;
  readonly driver: DelegatingDriver;
  /** The cluster that it says it belongs to, now. */
  identity(): string;
}

/** A client's connection to whoever answered when it was made. */
export class Connection {
  readonly endpoint: string;
  readonly backend: Backend;
  readonly #onEnd = new Set<() => void>();
  #isOpen = true;

  constructor(endpoint: string, backend: Backend) {
    this.endpoint = endpoint;
    this.backend = backend;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  onEnd(listener: () => void): void {
    this.#onEnd.add(listener);
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const listener of this.#onEnd) listener();
    this.#onEnd.clear();
  }
}

export interface EndpointsOptions {
  readonly access: Access;
  /** How many members the cluster has. */
  readonly members: number;
  readonly data: MemoryStore;
  readonly identity: () => string;
  readonly foreign: ForeignCluster;
}

/**
 * How clients reach the cluster: by an endpoint for each member, or by one name, behind which a balancer gives each new connection to
 * another member. In a member's place nobody may answer, or a cluster of another identity.
 */
export class Endpoints {
  readonly names: readonly string[];
  readonly #options: EndpointsOptions;
  readonly #places: Answerer[];
  readonly #open = new Set<Connection>();
  readonly #member: DelegatingDriver;
  readonly #stranger: DelegatingDriver;
  /** For each client, the members that its next connections lead to. */
  readonly #rounds = new Map<string, number[]>();

  constructor(options: EndpointsOptions) {
    const { access, members, data, foreign } = options;
    this.#options = options;
    this.#places = Array.from({ length: members }, () => 'member');
    this.names =
      access === 'balancer' ? ['simulated:80'] : this.#places.map((_, place) => `simulated:${String(place + 1)}`);
    this.#member = new DelegatingDriver(data);
    this.#stranger = new DelegatingDriver(foreign.store);
  }

  /** A new connection of a client; `undefined` where it is refused. */
  connect(name: string, client: string, random: Random): Connection | undefined {
    const isBalanced = this.#options.access === 'balancer';
    const place = isBalanced ? this.#nextPlace(client, random) : this.names.indexOf(name);
    const answerer = place === undefined ? undefined : this.#places[place];
    if (place === undefined || answerer === undefined || answerer === 'nobody') return undefined;
    const connection = new Connection(name, this.#backend(place, answerer === 'foreign'));
    this.#open.add(connection);
    connection.onEnd(() => this.#open.delete(connection));
    return connection;
  }

  /**
   * From now on, somebody else answers in a member's place: open connections to it end. `false` where that may not be. `isSure`: all clients
   * know which cluster they follow, and not by one connection alone.
   */
  put(place: number, answerer: Answerer, isSure = true): boolean {
    const index = place % this.#places.length;
    if (this.#places[index] === answerer || !this.#mayAnswer(index, answerer, isSure)) return false;
    this.#places[index] = answerer;
    for (const connection of [...this.#open]) if (connection.backend.place === index) connection.end();
    return true;
  }

  /** Members answer everywhere. */
  putBack(): void {
    for (const place of this.#places.keys()) this.put(place, 'member');
  }

  /**
   * Fewer than half of the endpoints may be foreign: more would be the store's new cluster. Behind a balancer, a foreign member that answers
   * all connections can't be told from a cluster that took the old one's place: a member is always there beside it, and two of them where a
   * client is not sure yet which cluster most connections lead to.
   */
  #mayAnswer(index: number, answerer: Answerer, isSure: boolean): boolean {
    if (answerer === 'member') return true;
    const others = this.#places.filter((_, place) => place !== index);
    if (answerer === 'foreign' && (others.length === 0 || others.includes('foreign'))) return false;
    const hasForeign = answerer === 'foreign' || others.includes('foreign');
    const members = others.filter((each) => each === 'member').length;
    return this.#options.access === 'members' || !hasForeign || members >= (isSure ? 1 : 2);
  }

  /**
   * A client's connections lead to all members in turn, in another order each time. A client whose connections all lead to a foreign member by
   * chance, or in step with those of another client, can't tell it from a cluster that took the old one's place.
   */
  #nextPlace(client: string, random: Random): number | undefined {
    const answered = (places: readonly number[]) => places.filter((place) => this.#places[place] !== 'nobody');
    let round = answered(this.#rounds.get(client) ?? []);
    if (round.length === 0) round = answered(shuffled([...this.#places.keys()], random));
    const [place, ...rest] = round;
    this.#rounds.set(client, rest);
    return place;
  }

  #backend(place: number, isForeign: boolean): Backend {
    const { data, foreign, identity } = this.#options;
    return isForeign
      ? { place, foreign, store: foreign.store, driver: this.#stranger, identity: () => foreign.identity }
      : { place, foreign: undefined, store: data, driver: this.#member, identity };
  }
}

function shuffled(places: readonly number[], random: Random): number[] {
  return places
    .map((place) => ({ place, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ place }) => place);
}
