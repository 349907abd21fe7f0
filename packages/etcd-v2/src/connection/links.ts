import type { Dial } from './connector.js';
import { Link } from './link.js';

/** The connections to one endpoint: busy ones, and idle ones. */
export class Links {
  readonly #make: () => Link;
  readonly #all = new Set<Link>();
  /** In the order of their last use. */
  #idle: Link[] = [];
  readonly #retired = new WeakSet<Link>();

  constructor(origin: string, dial: Dial, onGone: (link: Link) => void) {
    this.#make = () =>
      new Link(origin, dial, (link) => {
        this.#forget(link);
        onGone(link);
      });
  }

  /** A connection that nothing else uses. `fresh`: a new one. Release it afterwards. */
  take(fresh: boolean): Link {
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) return idle;
    const link = this.#make();
    this.#all.add(link);
    return link;
  }

  /** It carries nothing any more. It is not used again if it was never connected or is retired. */
  release(link: Link): void {
    if (!this.#all.has(link) || this.#idle.includes(link)) return;
    if (link.isOpen && !this.#retired.has(link)) this.#idle.push(link);
    else this.drop(link);
  }

  /** Ends one and its request. */
  drop(link: Link, reason: Error = NOT_NEEDED): void {
    this.#forget(link);
    void link.destroy(reason);
  }

  /** Whether new requests may use it. */
  isCurrent(link: Link): boolean {
    return this.#all.has(link) && !this.#retired.has(link);
  }

  /**
   * Retires one, and all whose members have not proved since its last request that they are well: running requests may finish, new ones use
   * other connections.
   */
  retire(suspect: Link): void {
    for (const link of this.#unproved(suspect.usedAt)) this.#retired.add(link);
    this.#retired.add(suspect);
    const idle = this.#idle;
    this.#idle = idle.filter((link) => !this.#retired.has(link));
    for (const link of idle) if (this.#retired.has(link)) this.drop(link);
  }

  /** Ends those whose members have not proved since then that they are well. */
  dropUnproved(since: number, reason: Error): Link[] {
    const unproved = this.#unproved(since);
    for (const link of unproved) this.drop(link, reason);
    return unproved;
  }

  /** Ends the connections that have shown another cluster than this one. */
  keepOnly(identity: string, reason: Error): Link[] {
    const others = [...this.#all].filter((link) => link.identity !== undefined && link.identity !== identity);
    for (const link of others) this.drop(link, reason);
    return others;
  }

  async destroy(reason: Error): Promise<void> {
    const all = [...this.#all];
    this.#all.clear();
    this.#idle = [];
    await Promise.all(all.map((link) => link.destroy(reason)));
  }

  #unproved(since: number): Link[] {
    return [...this.#all].filter(({ provedAt }) => provedAt < since);
  }

  #forget(link: Link): void {
    this.#all.delete(link);
    const at = this.#idle.indexOf(link);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

const NOT_NEEDED = new Error('the connection is not needed any more');
