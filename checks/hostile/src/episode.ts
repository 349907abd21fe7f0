import { mirror, text, type Mirror } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import { eventually, Random } from '@holdfast/testkit';
import { BACK } from './back.js';
import { Calls } from './calls.js';
import { Following } from './following.js';
import type { Target } from './target.js';
import { sameContent, Truth, type Content } from './truth.js';
import { Vitals } from './vitals.js';

/** More than a page, so that a scan takes several. */
const BIG = 1_020;
const SMALL = 12;
const LOOK_EVERY_MS = 20;
/** An event after a later one shows that one may be lost: the watch says so and ends, and its owner reads everything again. */
const ENDS_WATCHES: readonly string[] = ['events twice'];

export interface Finding {
  readonly attack: string;
  readonly seed: number;
  readonly what: string;
}

interface Seen {
  readonly content: Content;
  readonly revision: number;
}

/** One server, one store behind its wire with mirrors and a watch, and one attack after another. */
export class Battle implements AsyncDisposable {
  readonly #target: Target;
  readonly #store: ConfigStore;
  readonly #patient: ConfigStore;
  readonly #truth: Truth;
  readonly #big: Truth;
  readonly #calls: Calls;
  readonly #vitals = new Vitals();
  readonly #live: Mirror<string>;
  #turn = 0;
  looks = 0;

  static async begin(target: Target): Promise<Battle> {
    const truth = new Truth(target.direct, target.prefix);
    const big = new Truth(target.direct, target.bigPrefix);
    await truth.begin(SMALL);
    await big.begin(BIG);
    const store = target.open();
    return new Battle(target, store, truth, big, await openMirror(store, target.prefix));
  }

  private constructor(target: Target, store: ConfigStore, truth: Truth, big: Truth, live: Mirror<string>) {
    this.#target = target;
    this.#store = store;
    this.#patient = target.openPatient();
    this.#truth = truth;
    this.#big = big;
    this.#live = live;
    this.#calls = new Calls(store, target, truth, big);
    this.#vitals.begin();
  }

  get calls(): number {
    return this.#calls.made;
  }

  /** Attacks, and gives everything that was wrong meanwhile and afterwards. */
  async attack(name: string, seed: number): Promise<readonly Finding[]> {
    const found: string[] = [];
    const seen: Seen[] = [];
    const look = (): void => {
      this.looks += 1;
      this.#vitals.look();
      if (this.#live.state.status === 'closed') found.push('the mirror was closed');
      if (this.#live.state.status === 'live') seen.push(seenBy(this.#live));
    };
    const { prefix } = this.#target;
    const watches = [
      await Following.begin(this.#target.isSilent(name) ? this.#store : this.#patient, prefix, this.#truth),
      await Following.begin(this.#store, prefix, this.#truth, this.#truth.nextKey(this.#turn)),
    ];
    this.#live.on('change', look);
    const looking = setInterval(look, LOOK_EVERY_MS);
    const starting = new AbortController();
    try {
      const hasStruck = this.#target.attack(name, new Random(seed));
      const late = openMirror(this.#store, this.#target.bigPrefix, starting.signal).then(
        (opened) => ({ opened }),
        (error: unknown) => ({ error }),
      );
      for (let i = 0; i < 3; i += 1) await this.#truth.change(this.#turn++);
      found.push(...(await this.#calls.all()));
      await this.#truth.change(this.#turn++);
      await eventually(hasStruck, BACK).catch(() => {
        found.push('the attack met nothing');
      });
      this.#target.heal();
      await this.#truth.change(this.#turn++);
      const mayEnd = ENDS_WATCHES.includes(name);
      const back = [this.#comesBack(late), ...watches.map((watch) => watch.judge(mayEnd))];
      found.push(...(await Promise.all(back)).flat());
      const written = await this.#calls.check();
      if (written !== undefined) found.push(written);
    } finally {
      clearInterval(looking);
      this.#live.off('change', look);
      starting.abort();
      for (const watch of watches) await watch.close();
    }
    for (const { content, revision } of seen) {
      if (!this.#truth.held(content, revision))
        found.push(`the mirror was live at ${revision} with ${JSON.stringify(content).slice(0, 300)}, which never was`);
    }
    const growth = this.#vitals.takeGrowth();
    if (growth !== undefined) found.push(`the process grew by ${growth} bytes`);
    found.push(...this.#vitals.takeCrashes().map((crash) => `nobody caught ${crash}`));
    return [...new Set(found)].map((what) => ({ attack: name, seed, what }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#live.close();
    await this.#store.close();
    await this.#patient.close();
    this.#vitals[Symbol.dispose]();
  }

  /** Waits until the mirrors are live and equal: the one that was there before, and the one that began under attack. */
  async #comesBack(late: Promise<{ opened: Mirror<string> } | { error: unknown }>): Promise<readonly string[]> {
    const found: string[] = [];
    const equal = (config: Mirror<string>, truth: Truth): boolean =>
      config.state.status === 'live' && sameContent(contentOf(config), truth.content);
    await eventually(() => this.#live.state.status === 'closed' || equal(this.#live, this.#truth), BACK).catch(() => {
      found.push(`the mirror does not come back: ${JSON.stringify(this.#live.state)}`);
    });
    const began = await eventually(() => late, BACK).catch((error: unknown) => ({ error }));
    if ('error' in began) return [...found, `a mirror that began meanwhile was given up: ${String(began.error)}`];
    await eventually(() => equal(began.opened, this.#big), BACK).catch(() => {
      found.push(
        `a mirror that began meanwhile is not equal: ${JSON.stringify(began.opened.state)}, ${began.opened.size} keys`,
      );
    });
    await began.opened.close();
    return found;
  }
}

function openMirror(store: ConfigStore, prefix: string, signal?: AbortSignal): Promise<Mirror<string>> {
  return mirror(store, {
    prefix,
    codec: text(),
    livenessMs: 400,
    backoff: { initialMs: 5, maxMs: 50 },
    ...(signal && { signal }),
  });
}

function contentOf(config: Mirror<string>): Content {
  return Object.fromEntries([...config].map(([key, { value }]) => [key, value]));
}

function seenBy(config: Mirror<string>): Seen {
  return { content: contentOf(config), revision: config.revision };
}
