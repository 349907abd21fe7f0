import type { Shown } from '../truth/content.js';
import { Follower } from '../checks/follower.js';
import type { HostOptions } from '../mirrors/host-options.js';
import type { Layout, OpenedMirror } from '../mirrors/opened-mirror.js';

/** All followers of a mirror: its listener, and, if the plan has them, a debounced subscriber and a slow iteration. */
export class Audience {
  readonly #options: HostOptions;
  readonly #layout: Layout;
  readonly #followers: Follower[] = [];
  /** The listener of the last opened mirror. */
  #main: Follower | undefined;

  constructor(options: HostOptions, layout: Layout) {
    this.#options = options;
    this.#layout = layout;
  }

  /** The number of events that they all received. */
  get events(): number {
    return this.#followers.reduce((sum, { events }) => sum + events, 0);
  }

  /** The listener for a mirror that is about to be opened. */
  newListener(): Follower {
    const main = this.#join(`the listener of ${this.#options.name}`);
    this.#main = main;
    return main;
  }

  /** The other followers begin. A lazy mirror has only the listener. */
  follow({ mirror }: OpenedMirror): void {
    const { plan, name } = this.#options;
    const { debounceMs, iterateMs, decode } = plan;
    if (decode === 'lazy') return;
    if (debounceMs !== undefined) {
      const follower = this.#join(`the debounced subscriber of ${name}`, true);
      mirror.subscribe(
        (event) => {
          follower.take(event);
        },
        { replay: true, debounceMs },
      );
    }
    if (iterateMs !== undefined) void this.#iterate(mirror, iterateMs);
  }

  async #iterate(mirror: OpenedMirror['mirror'], ms: number): Promise<void> {
    const { name, clock, count } = this.#options;
    const follower = this.#join(`the iteration of ${name}`, true);
    for await (const event of mirror.changes({ replay: true })) {
      follower.take(event);
      count('slow iteration');
      await new Promise<void>((resolve) => clock.set('consumer', resolve, ms));
    }
  }

  #join(name: string, isCoalescing = false): Follower {
    const { plan, truth, violated } = this.#options;
    const isLazy = plan.decode === 'lazy';
    const follower = new Follower({ name, layout: this.#layout, truth, isLazy, isCoalescing, violated });
    this.#followers.push(follower);
    return follower;
  }

  /** Checks that the listener's copy equals the mirror. */
  checkListener(shown: Shown): void {
    if (this.#main !== undefined) this.check(this.#main, shown);
  }

  /** Checks the last copies of all followers. */
  checkAll(shown: Shown): void {
    for (const follower of this.#followers.slice(-3)) {
      if (follower.events > 0 && !this.#isOld(follower)) this.check(follower, shown);
    }
  }

  /** Checks that a follower's copy has the same objects as the mirror. */
  check(follower: Follower, shown: Shown): void {
    const { name, violated } = this.#options;
    for (const [key, entry] of shown) {
      if (follower.copy.get(key) !== entry) violated('listener', `${name} shows ${key} as its listener was not told`);
    }
    if (follower.copy.size !== shown.size)
      violated('listener', `${name} shows ${shown.size} keys; its listener has ${follower.copy.size}`);
  }

  /** Whether the follower belongs to an earlier mirror. */
  #isOld(follower: Follower): boolean {
    const main = this.#main;
    return main === undefined || this.#followers.indexOf(follower) < this.#followers.indexOf(main);
  }
}
