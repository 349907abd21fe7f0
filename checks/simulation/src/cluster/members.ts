interface Member {
  /** Its revision while it lags behind. */
  behindAt: number | undefined;
  readonly held: (() => void)[];
}

/**
 * The servers of a cluster. Each may fall behind the others. On a member that is behind, a linearizable read waits, a watch is late, and the
 * head is old (docs/traps.md#trap-16).
 */
export class Members {
  readonly #members: readonly Member[];

  constructor(count: number) {
    this.#members = Array.from({ length: Math.max(1, count) }, () => ({ behindAt: undefined, held: [] }));
  }

  get count(): number {
    return this.#members.length;
  }

  /** Until it catches up, it knows nothing past this revision. `false` if it lags already. */
  lag(index: number, head: number): boolean {
    const member = this.#member(index);
    // One member is the leader, which never lags.
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

  /** The revision at which it is stuck; `undefined` if it does not lag. */
  behindAt(index: number): number | undefined {
    return this.#member(index).behindAt;
  }

  /** Acts at once, or in order when the member has caught up. */
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
