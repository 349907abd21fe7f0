import { mirror, text, type Mirror } from '@holdfast/core';
import { isStoreError, type ConfigStore, type Watch } from '@holdfast/store';
import { eventually, Random } from '@holdfast/testkit';
import { Calls } from './calls.js';
import type { Target } from './target.js';
import { sameContent, Truth, type Content } from './truth.js';
import { Vitals } from './vitals.js';

/** More than a page, so that a scan takes several. */
const BIG = 1_100;
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
    const watching = follow(this.#store.watch({ prefix: this.#target.prefix }));
    await watching.watch.ready;
    this.#live.on('change', look);
    const looking = setInterval(look, LOOK_EVERY_MS);
    const starting = new AbortController();
    try {
      this.#target.attack(name, new Random(seed));
      const late = openMirror(this.#store, this.#target.bigPrefix, starting.signal).then(
        (opened) => ({ opened }),
        (error: unknown) => ({ error }),
      );
      for (let i = 0; i < 3; i += 1) await this.#truth.change(this.#turn++);
      found.push(...(await this.#calls.all()));
      await this.#truth.change(this.#turn++);
      this.#target.heal();
      await this.#truth.change(this.#turn++);
      found.push(...(await this.#comesBack(late)));
      await this.#ended(watching, found, ENDS_WATCHES.includes(name));
      const written = await this.#calls.check();
      if (written !== undefined) found.push(written);
    } finally {
      clearInterval(looking);
      this.#live.off('change', look);
      starting.abort();
      await watching.watch.close();
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
    this.#vitals[Symbol.dispose]();
  }

  /** Waits until the mirrors are live and equal: the one that was there before, and the one that began under attack. */
  async #comesBack(late: Promise<{ opened: Mirror<string> } | { error: unknown }>): Promise<readonly string[]> {
    const found: string[] = [];
    const equal = (config: Mirror<string>, truth: Truth): boolean =>
      config.state.status === 'live' && sameContent(contentOf(config), truth.content);
    await eventually(() => this.#live.state.status === 'closed' || equal(this.#live, this.#truth)).catch(() => {
      found.push(`the mirror does not come back: ${JSON.stringify(this.#live.state)}`);
    });
    const began = await late;
    if ('error' in began) return [...found, `a mirror that began meanwhile was given up: ${String(began.error)}`];
    await eventually(() => equal(began.opened, this.#big)).catch(() => {
      found.push(
        `a mirror that began meanwhile is not equal: ${JSON.stringify(began.opened.state)}, ${began.opened.size} keys`,
      );
    });
    await began.opened.close();
    return found;
  }

  /** The watch tells everything at last, or ended because its history is gone. */
  async #ended({ told, ended }: Following, found: string[], mayEnd: boolean): Promise<void> {
    const last = this.#truth.lastRevision;
    await eventually(() => ended() !== undefined || told.at(-1) === last).catch(() => {
      found.push(`the watch told ${told.join(', ')}, and not ${last}`);
    });
    const error = ended();
    if (mayEnd && isStoreError(error, 'internal')) return;
    if (error !== undefined && !isStoreError(error, 'compacted') && !isStoreError(error, 'history-changed')) {
      found.push(`the watch ended: ${String(error)}`);
    }
    if (told.some((revision, i) => revision <= (told[i - 1] ?? 0))) found.push(`the watch told ${told.join(', ')}`);
  }
}

interface Following {
  readonly watch: Watch;
  /** The revisions of its events, in the order that they came in. */
  readonly told: readonly number[];
  readonly ended: () => unknown;
}

function follow(watch: Watch): Following {
  const told: number[] = [];
  let error: unknown;
  const reading = async (): Promise<void> => {
    for await (const { events } of watch) told.push(...events.map(({ revision }) => revision));
  };
  reading().catch((thrown: unknown) => (error = thrown));
  return { watch, told, ended: () => error };
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
