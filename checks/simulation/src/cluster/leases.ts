import type { MemoryStore } from '@holdfast/memory';

/** The leases of a world, and their ends. */
export class Leases {
  readonly #data: MemoryStore;
  readonly #count: (fault: string) => void;
  readonly #ended = new Set<string>();

  constructor(data: MemoryStore, count: (fault: string) => void) {
    this.#data = data;
    this.#count = count;
  }

  list(): Promise<readonly string[]> {
    return this.#data.leases.list();
  }

  revoke(lease: string): Promise<unknown> {
    this.#ended.add(lease);
    return this.#data.leases.revoke(lease);
  }

  /** Acts on the first lease, if there is one. */
  async act(act: 'keep-alive' | 'revoke'): Promise<void> {
    const [lease] = await this.list();
    if (lease === undefined) return;
    this.#count(`lease: ${act}`);
    await (act === 'revoke' ? this.revoke(lease) : this.#data.leases.keepAlive(lease));
  }

  /** A key with this lease was deleted. Counts the lease once, if it ended by itself. */
  async noteEnd(lease: string): Promise<void> {
    if (this.#ended.has(lease)) return;
    const left = await this.list();
    if (left.some((each) => each === lease) || this.#ended.has(lease)) return;
    this.#ended.add(lease);
    this.#count('lease expiry');
  }
}
