import type { buildConnector } from 'undici';
import { Link } from './link.js';

/** The connections to one endpoint: those that carry a request, and those that wait for one. */
export class Links {
  readonly #make: () => Link;
  readonly #all = new Set<Link>();
  /** The one that was used last comes last. */
  #idle: Link[] = [];
  readonly #retired = new WeakSet<Link>();

  constructor(origin: string, connect: buildConnector.connector, onGone: (link: Link) => void) {
    this.#make = () =>
      new Link(origin, connect, (link) => {
        this.#forget(link);
        onGone(link);
      });
  }

  /** A connection that nothing else uses. `fresh`: a new one. To be released. */
  take(fresh: boolean): Link {
    const idle = fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) return idle;
    const link = this.#make();
    this.#all.add(link);
    return link;
  }

  /** It carries nothing any more. One that never was made, or that is to go, is not used again. */
  release(link: Link): void {
    if (!this.#all.has(link) || this.#idle.includes(link)) return;
    if (link.isOpen && !this.#retired.has(link)) this.#idle.push(link);
    else this.drop(link);
  }

  /** Ends one, with what it carries. */
  drop(link: Link, reason: Error = NOT_NEEDED): void {
    this.#forget(link);
    void link.destroy(reason);
  }

  /** Whether it is among those that new requests may use. */
  isCurrent(link: Link): boolean {
    return this.#all.has(link) && !this.#retired.has(link);
  }

  /** Uses none of those that there are for anything new: what is under way on them may finish. */
  retire(): void {
    for (const link of this.#all) this.#retired.add(link);
    for (const link of this.#idle) this.drop(link);
    this.#idle = [];
  }

  /** Ends those that show another cluster than this one. */
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

  #forget(link: Link): void {
    this.#all.delete(link);
    const at = this.#idle.indexOf(link);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

const NOT_NEEDED = new Error('the connection is not needed any more');
