import type { StoreError } from '@holdfast/store';
import { byPreference, type EndpointAddress } from '@holdfast/etcd-common';
import { Endpoint, type EndpointOptions } from './endpoint.js';

/**
 * The members of the cluster. Calls stay with one member while it is healthy, so that reads don't jump between members. After a failure they
 * move to another one.
 */
export class Endpoints {
  readonly #options: EndpointOptions;
  readonly #given: readonly Endpoint[];
  #found: readonly Endpoint[] = [];
  #preferred: Endpoint | undefined;

  constructor(addresses: readonly EndpointAddress[], options: EndpointOptions) {
    this.#options = options;
    this.#given = addresses.map((address) => new Endpoint(address, options));
    // A fleet that starts at once spreads over the members.
    this.#preferred = this.#given[Math.floor(options.random() * this.#given.length)];
  }

  /** The user's endpoints, then those from the member list. */
  get all(): readonly Endpoint[] {
    return [...this.#given, ...this.#found];
  }

  /** The endpoint to use, or `undefined` if `except` has all of them. `avoid` comes last. */
  choose(except: ReadonlySet<Endpoint>, avoid?: Endpoint): Endpoint | undefined {
    return byPreference(this.all, this.#preferred, (endpoint) => endpoint === avoid).find(
      (endpoint) => !except.has(endpoint),
    );
  }

  /** An endpoint answered: calls stay with it. */
  settleOn(endpoint: Endpoint): void {
    this.#preferred = endpoint;
    endpoint.health.answered();
  }

  /** Takes the members that the cluster reports. The user's endpoints stay; others come and go. */
  update(addresses: readonly EndpointAddress[], gone: StoreError): void {
    const given = new Set(this.#given.map(({ address }) => address.target));
    const before = new Map(this.#found.map((endpoint) => [endpoint.address.target, endpoint]));
    const wanted = new Map(addresses.map((address) => [address.target, address]));
    this.#found = [...wanted]
      .filter(([key]) => !given.has(key))
      .map(([key, address]) => before.get(key) ?? new Endpoint(address, this.#options));
    for (const [key, endpoint] of before) if (!wanted.has(key)) void endpoint.close(gone);
    if (this.#preferred !== undefined && !this.all.includes(this.#preferred)) this.#preferred = undefined;
  }

  async close(reason: StoreError): Promise<void> {
    await Promise.all(this.all.map((endpoint) => endpoint.close(reason)));
  }
}
