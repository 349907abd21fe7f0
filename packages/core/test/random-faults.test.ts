import { isStoreError, StoreError } from '@holdfast/store';
import { describe, expect, test } from '@jest/globals';
import type { Change, ChangeEvent, Mirror } from '../src/index.js';
import { PREFIX, thing, type Thing, world, type World } from './support/world.js';

const LIVENESS_MS = 3_000;
const SEEDS = Number(process.env['MIRROR_SEEDS'] ?? 40);
const FIRST_SEED = Number(process.env['MIRROR_FIRST_SEED'] ?? 1);
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** One mirror, one writer, and one fault after the other, all from one seed. */
class Campaign {
  readonly #w: World;
  readonly #random: (below: number) => number;
  readonly #copy = new Map<string, unknown>();
  readonly trace: string[] = [];
  #mirror!: Mirror<Thing>;
  // Which history the store has, and when what was committed in it.
  #epoch = 0;
  #commits: { readonly at: number; readonly revision: number }[] = [];
  #snapshot = this.#noSnapshot();
  #compacted = 0;

  constructor(w: World, seed: number) {
    this.#w = w;
    let state = seed * 7_919 + 1;
    this.#random = (below) => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }

  async run(steps: number, options: { readonly decode: 'eager' | 'lazy' }): Promise<void> {
    const w = this.#w;
    await this.#write();
    this.#mirror = await w.open({
      livenessMs: LIVENESS_MS,
      random: () => this.#random(1_000) / 1_000,
      onChange: (event) => {
        if (options.decode !== 'eager') return;
        try {
          this.#follow(event);
        } catch (error) {
          // What a listener throws disturbs nobody, this test included.
          this.trace.push(`VIOLATION: ${String(error)}`);
          this.violations += 1;
        }
      },
      ...options,
    });
    for (let step = 0; step < steps; step++) {
      await this.#act();
      await this.#check();
    }
    this.trace.push('end: everything heals');
    this.#healAll();
    await this.#write();
    await w.until(async () => {
      await this.#check();
      return this.#mirror.state.status === 'live' && (await this.#isEqual());
    });
    // Lazily, a bad value makes way on its first read, which is no change that anyone is told of.
    if (options.decode === 'eager') expect(new Map(this.#mirror)).toEqual(this.#copy);
  }

  #follow({ changes }: ChangeEvent<Change<Thing>>): void {
    for (const change of changes) {
      expect(this.#copy.get(change.key)).toBe(change.previous);
      if (change.type === 'put') this.#copy.set(change.key, change.current);
      else this.#copy.delete(change.key);
    }
    // Listener-view equality, and no torn transaction: `x` and `y` are only ever written together.
    expect(this.#copy.size).toBe(this.#mirror === undefined ? this.#copy.size : this.#mirror.size);
    expect((this.#copy.get('x') as { value: Thing } | undefined)?.value).toEqual(
      (this.#copy.get('y') as { value: Thing } | undefined)?.value,
    );
  }

  async #act(): Promise<void> {
    const w = this.#w;
    const choice = this.#random(100);
    if (choice < 45) await this.#write();
    else if (choice < 65) await this.#advance(this.#random(4) === 0 ? this.#random(8_000) : this.#random(300));
    else if (choice < 69) this.#note('cut', () => w.script.cut());
    else if (choice < 77) this.#healAll();
    else if (choice < 80) this.#note('hold', () => w.script.hold());
    else if (choice < 83) this.#note('release', () => w.script.release());
    else if (choice < 86) await this.#compact();
    else if (choice < 88)
      this.#note('watch fails', () => w.script.failWatches(new StoreError('unavailable', 'broken')));
    else if (choice < 90) this.#note('internal', () => w.script.failWatches(new StoreError('internal', 'broken')));
    else if (choice < 92) this.#failSomeReads();
    else if (choice < 95) this.#sync();
    else if (choice < 97) this.#keepSnapshot();
    else await this.#changeHistory();
  }

  #note(what: string, act: () => void): void {
    this.trace.push(`${this.#w.clock.now() % 1e7}: ${what}`);
    act();
  }

  #healAll(): void {
    this.#note('heal', () => {
      this.#w.script.heal();
      this.#w.script.release();
    });
  }

  async #advance(ms: number): Promise<void> {
    this.trace.push(`advance ${ms}`);
    await this.#w.clock.advance(ms);
  }

  async #write(): Promise<void> {
    const { data } = this.#w;
    const n = this.#random(1_000);
    const key = `${PREFIX}${KEYS[this.#random(KEYS.length)]}`;
    const choice = this.#random(10);
    let revision: number;
    if (choice < 4) ({ revision } = await data.put(key, thing(n)));
    else if (choice < 5) ({ revision } = await data.put(key, 'bad'));
    else if (choice < 7) ({ revision } = await data.delete(key));
    else if (choice < 8) ({ revision } = await data.put('/elsewhere', String(n)));
    else {
      ({ revision } = await data.txn({
        then: ['x', 'y'].map((name) => ({ type: 'put', key: `${PREFIX}${name}`, value: thing(n) })),
      }));
    }
    this.trace.push(`write ${choice} ${key} -> ${revision}`);
    this.#commits.push({ at: this.#w.clock.now(), revision });
  }

  async #compact(): Promise<void> {
    const { revision } = await this.#w.data.status();
    if (revision <= this.#compacted) return;
    this.trace.push(`compact ${revision}`);
    this.#compacted = revision;
    await this.#w.data.compact(revision);
  }

  #failSomeReads(): void {
    let left = this.#random(5);
    const hangs = this.#random(3) === 0;
    this.trace.push(`${left} reads ${hangs ? 'hang' : 'fail'}`);
    const before = this.#w.script.beforeRead;
    this.#w.script.beforeRead = async (read) => {
      if (left-- <= 0) return before(read);
      if (hangs) return new Promise(() => undefined);
      throw new StoreError('unavailable', 'a read failed');
    };
  }

  /** M12, wherever it falls: what was committed before the call is there after it. */
  #sync(): void {
    const epoch = this.#epoch;
    const committed = this.#commits.at(-1)?.revision ?? 0;
    this.trace.push(`sync ${committed}`);
    this.#mirror.sync({ timeoutMs: 5_000 }).then(
      () => {
        if (epoch === this.#epoch && this.#mirror.revision < committed) {
          this.trace.push(`VIOLATION: synced to ${this.#mirror.revision}, not ${committed}`);
          this.violations += 1;
        }
      },
      (error: unknown) => {
        if (isStoreError(error, 'timeout')) return;
        this.trace.push(`VIOLATION: sync failed with ${String(error)}`);
        this.violations += 1;
      },
    );
  }

  violations = 0;

  /** For a failure's message. */
  describe(): string {
    const { state, bookmark, asOf } = this.#mirror;
    return JSON.stringify(
      { now: this.#w.clock.now(), state, bookmark, asOf, problems: this.#mirror.problems() },
      null,
      1,
    );
  }

  #noSnapshot() {
    return undefined as
      { readonly data: ReturnType<World['data']['snapshot']>; readonly compacted: number } | undefined;
  }

  #keepSnapshot(): void {
    this.trace.push('snapshot');
    this.#snapshot = { data: this.#w.data.snapshot(), compacted: this.#compacted };
  }

  /** Restores, by whichever identity, and lets the new history overtake the old one, or not. */
  async #changeHistory(): Promise<void> {
    const { data } = this.#w;
    const identity = this.#random(2) === 0 ? 'same' : 'new';
    const release = data.interrupt();
    this.#epoch += 1;
    this.#commits = [];
    if (this.#snapshot === undefined) {
      this.trace.push(`wipe ${identity}`);
      data.wipe({ identity });
      this.#compacted = 0;
    } else {
      this.trace.push(`restore ${identity}`);
      data.restore(this.#snapshot.data, { identity });
      this.#compacted = this.#snapshot.compacted;
    }
    const writes = this.#random(2) === 0 ? 0 : this.#random(60);
    for (let n = 0; n < writes; n++) await this.#write();
    release();
  }

  /** Wherever histories allow to tell: the mirror is the store at its bookmark, and `live` keeps its word. */
  async #check(): Promise<void> {
    const m = this.#mirror;
    const { bookmark, asOf } = m;
    const isLive = m.state.status === 'live';
    const shown = new Map(
      [...m].map(([key, { modRevision, value }]) => [key, `${modRevision} ${JSON.stringify(value)}`]),
    );
    const bad = new Set(m.problems().map(({ key }) => key));
    const epoch = this.#epoch;
    if (isLive) {
      expect(this.#w.clock.now() - asOf).toBeLessThanOrEqual(LIVENESS_MS);
      const known = this.#commits.filter(({ at }) => at < asOf).at(-1)?.revision ?? 0;
      // After a change of history, only once the mirror knows of it; before, the bound is livenessMs too.
      if (this.#history() === bookmark.identity) expect(bookmark.revision).toBeGreaterThanOrEqual(known);
    }
    if (epoch > 0 || this.#history() !== bookmark.identity || bookmark.revision < this.#compacted) return;
    const { items } = await this.#w.data.list({ prefix: PREFIX }, { revision: bookmark.revision });
    for (const { key, value, modRevision } of items) {
      const name = key.slice(PREFIX.length);
      const text = Buffer.from(value).toString();
      if (text === 'bad') expect(bad.has(name)).toBe(true);
      else expect([name, shown.get(name)]).toEqual([name, `${modRevision} ${text}`]);
    }
    expect([...shown.keys()].filter((name) => !items.some(({ key }) => key === `${PREFIX}${name}`))).toEqual([]);
  }

  #history(): string {
    return this.#w.data.snapshot().identity;
  }

  async #isEqual(): Promise<boolean> {
    const { items } = await this.#w.data.list({ prefix: PREFIX });
    const good = items.filter(({ value }) => Buffer.from(value).toString() !== 'bad');
    const bad = items.length - good.length;
    return (
      this.#mirror.problems().length === bad &&
      this.#mirror.size <= items.length &&
      good.every(({ key, modRevision, value }) => {
        const entry = this.#mirror.get(key.slice(PREFIX.length));
        return entry?.modRevision === modRevision && JSON.stringify(entry.value) === Buffer.from(value).toString();
      })
    );
  }
}

describe.each([
  ['like-v3', 'eager'],
  ['like-v3', 'lazy'],
  ['like-v2', 'eager'],
] as const)('after any faults the mirror is equal and live, and was truthful all along: %s, %s', (kind, decode) => {
  test.each(Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index))('seed %i', async (seed) => {
    const w = world(kind);
    const campaign = new Campaign(w, seed);
    try {
      await campaign.run(120, { decode });
      expect(campaign.violations).toBe(0);
    } catch (error) {
      throw new Error(
        `seed ${seed}:\n${campaign.trace.slice(Number(process.env['TRACE'] ?? -60)).join('\n')}\n${campaign.describe()}`,
        { cause: error },
      );
    } finally {
      w.script.heal();
      w.script.release();
    }
    await w.close();
  });
});
