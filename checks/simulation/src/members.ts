interface Member {
  /** How far it is, while it lags behind. */
  behindAt: number | undefined;
  readonly held: (() => void)[];
}

/**
 * The servers of a cluster, each of which may fall behind the others. A linearizable read of a member that is behind waits; a
 * watch on it hears late, and its head is old (docs/traps.md#trap-16).
 */
export class Members {
  readonly #members: readonly Member[];

  constructor(count: number) {
    this.#members = Array.from({ length: Math.max(1, count) }, () => ({ behindAt: undefined, held: [] }));
  }

  get count(): number {
    return this.#members.length;
  }

  /** From now on, until it catches up, it knows nothing past this revision. `false` where it lags already. */
  lag(index: number, head: number): boolean {
    const member = this.#member(index);
    // One of them leads.
    const isLast = this.#members.filter(({ behindAt }) => behindAt === undefined).length === 1;
    if (member.behindAt !== undefined || isLast) return false;
    member.behindAt = head;
    return true;
  }

  catchUp(index: number): void {
    const member = this.#member(index);
    member.behindAt = undefined;
    for (const act of member.held.splice(0)) act();
  }

  catchUpAll(): void {
    for (let index = 0; index < this.count; index++) this.catchUp(index);
  }

  /** The revision that it is stuck at; `undefined` where it is as far as the others. */
  behindAt(index: number): number | undefined {
    return this.#member(index).behindAt;
  }

  /** At once, or when it has caught up, in order. */
  whenCaughtUp(index: number, act: () => void): void {
    const member = this.#member(index);
    if (member.behindAt === undefined) act();
    else member.held.push(act);
  }

  #member(index: number): Member {
    const member = this.#members[index % this.count];
    if (member === undefined) throw new RangeError(`there is no member ${index}`);
    return member;
  }
}
