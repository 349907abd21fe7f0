import { lookup as resolve, type LookupAddress, type LookupOptions } from 'node:dns';
import type { Clock } from '@holdfast/store';

export type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** How long a failed address is tried last, in milliseconds. */
const AVOID_MS = 60_000;

/**
 * The addresses of an endpoint's name. A failed one is tried last: a resolver returns them in the same order each time, and the first may
 * belong to a server that accepts connections and answers nothing.
 */
export class Addresses {
  readonly #clock: Clock;
  readonly #failed = new Map<string, number>();
  #first: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The address that the last connection tried first. */
  get first(): string | undefined {
    return this.#first;
  }

  /** A connection to this address failed, or could not be used. */
  avoid(address: string | undefined): void {
    if (address !== undefined) this.#failed.set(address, this.#clock.now());
  }

  /** `dns.lookup`, as `net.connect` takes it. */
  readonly lookup = (host: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, [], 0);
        return;
      }
      const ordered = this.#order(found);
      const [first] = ordered;
      this.#first = first?.address;
      if (options.all === true) callback(null, ordered);
      else callback(null, first?.address ?? '', first?.family);
    });
  };

  #order(found: readonly LookupAddress[]): LookupAddress[] {
    const now = this.#clock.now();
    for (const [address, at] of this.#failed) {
      if (now - at > AVOID_MS || now < at) this.#failed.delete(address);
    }
    // Addresses that did not fail keep the resolver's order. The others follow in the order of their failures.
    const rank = ({ address }: LookupAddress): number => this.#failed.get(address) ?? 0;
    return [...found].sort((a, b) => rank(a) - rank(b));
  }
}
