import type { MemoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { DelegatingDriver } from '@holdfast/store/adapter';
import type { ForeignCluster } from './foreign-cluster.js';
import type { Access, Answerer } from '../plans/plan.js';
import type { Random } from '../plans/random.js';

/** The server at the other end of a connection. */
export interface Backend {
  readonly place: number;
  /** `undefined`: a member of the cluster. */
  readonly foreign: ForeignCluster | undefined;
  readonly store: ConfigStore;
  readonly driver: DelegatingDriver;
  /** The cluster id that it currently reports. */
  identity(): string;
}

/** A client's connection, to the server that answered when it was made. */
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
  /** The number of the cluster's members. */
  readonly members: number;
  readonly data: MemoryStore;
  readonly identity: () => string;
  readonly foreign: ForeignCluster;
}

/**
 * The clients' way to the cluster: an endpoint for each member, or one name behind which a load balancer gives each new connection to
 * another member. A member's place may be empty, or taken by a cluster with another identity.
 */
export class Endpoints {
  readonly names: readonly string[];
  readonly #options: EndpointsOptions;
  readonly #places: Answerer[];
  readonly #open = new Set<Connection>();
  readonly #member: DelegatingDriver;
  readonly #stranger: DelegatingDriver;
  /** Client → the members for its next connections. */
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

  /** A new connection of a client; `undefined` if it is refused. */
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
   * Changes the server in a member's place, and ends the open connections to it. `false` if that is not allowed. `isSure`: all clients know
   * their cluster from more than one connection.
   */
  put(place: number, answerer: Answerer, isSure = true): boolean {
    const index = place % this.#places.length;
    if (this.#places[index] === answerer || !this.#mayAnswer(index, answerer, isSure)) return false;
    this.#places[index] = answerer;
    for (const connection of [...this.#open]) if (connection.backend.place === index) connection.end();
    return true;
  }

  /** Puts the members back in the places that a foreign one has taken. */
  expel(): void {
    for (const [place, answerer] of this.#places.entries()) if (answerer === 'foreign') this.put(place, 'member');
  }

  /** Puts the members back in all places. */
  putBack(): void {
    for (const place of this.#places.keys()) this.put(place, 'member');
  }

  /**
   * Fewer than half of the endpoints may be foreign: more would be the store's new cluster. Behind a load balancer, a foreign member that
   * answers all connections looks like a cluster that replaced the old one. So there is always a member beside it, and there are two if a
   * client is not sure yet which cluster most connections reach.
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
   * A client's connections reach all members in turn, in another order each time. If they all reached a foreign member, by chance or in step
   * with another client's, the client could not distinguish it from a cluster that replaced the old one.
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
