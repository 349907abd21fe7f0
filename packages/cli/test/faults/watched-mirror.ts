import {
  json,
  mirror,
  type Change,
  type ChangeEvent,
  type CommonOptions,
  type Entry,
  type Mirror,
  type Problem,
  type ResyncEvent,
} from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import { checkEqualViews, eventually } from '@holdfast/testkit';
import type { HeldEntry, Outside } from './outside.js';

/** Far above what any recovery takes on a busy machine, and still a matter of seconds. */
const PATIENCE_MS = 20_000;

export interface SettledOptions {
  /** How many watches the server has then. */
  readonly watchers?: number;
  readonly timeoutMs?: number;
}

/** What a listener makes of what it is told: nothing lost, nothing twice, and each step continues the one before. */
export class ListenersCopy {
  readonly entries = new Map<string, Entry<unknown>>();
  readonly violations: string[] = [];

  tell({ changes }: ChangeEvent<Change<unknown>>): void {
    const keys = new Set(changes.map(({ key }) => key));
    if (keys.size < changes.length) this.violations.push('one step told of a key twice');
    for (const change of changes) {
      const previous = this.entries.get(change.key);
      if (change.previous !== previous) this.violations.push(`the step to ${change.key} came from another entry`);
      if (change.type === 'put') this.entries.set(change.key, change.current);
      else this.entries.delete(change.key);
    }
  }

  /** It must have the very objects that the mirror shows. */
  differences(shown: Mirror<unknown>): string[] {
    const missed = [...shown].filter(([key, entry]) => this.entries.get(key) !== entry);
    const extra = [...this.entries.keys()].filter((key) => !shown.has(key));
    return [...missed.map(([key]) => `a listener missed ${key}`), ...extra.map((key) => `a listener still has ${key}`)];
  }
}

/** A mirror of JSON values with everything that it tells, to be held against what the server says when asked directly. */
export class WatchedMirror {
  readonly mirror: Mirror<unknown>;
  /** What its `change` listener was told since it was opened. */
  readonly events: ChangeEvent<Change<unknown>>[] = [];
  readonly resyncs: ResyncEvent[] = [];
  readonly #outside: Outside;
  readonly #prefix: string;
  readonly #copy = new ListenersCopy();
  readonly #invalid: Problem[] = [];
  readonly #lies: string[] = [];

  static async open(
    store: ConfigStore,
    outside: Outside,
    prefix: string,
    options: CommonOptions<Change<unknown>> = {},
  ): Promise<WatchedMirror> {
    return new WatchedMirror(await mirror(store, { prefix, codec: json<unknown>(), ...options }), outside, prefix);
  }

  private constructor(mirrored: Mirror<unknown>, outside: Outside, prefix: string) {
    this.mirror = mirrored;
    this.#outside = outside;
    this.#prefix = prefix;
    mirrored.subscribe((event) => this.#copy.tell(event), { replay: true });
    mirrored.on('change', (event) => this.events.push(event));
    mirrored.on('resync', (event) => this.resyncs.push(event));
    mirrored.on('invalid', (problem) => this.#invalid.push(problem));
  }

  /** The keys that were told of, in order. */
  get told(): string[] {
    return this.events.flatMap(({ changes }) => changes.map(({ key }) => key));
  }

  /** Why it was read again, save where events came late: on a busy machine a read may be faster than they are at any time. */
  get resyncReasons(): string[] {
    return this.resyncs.map(({ reason }) => reason).filter((reason) => reason !== 'behind');
  }

  /**
   * Waits until the mirror is equal to the store and live, its listener was told exactly that, no value became a problem, and
   * the server has `watchers` watches, one by default (docs/traps.md#trap-15). To be called once nobody writes any more.
   */
  async settled({ watchers = 1, timeoutMs = PATIENCE_MS }: SettledOptions = {}): Promise<void> {
    const { mirror: m } = this;
    const quietSince = Date.now();
    await eventually(
      async () => {
        const held = await this.#outside.held(this.#prefix);
        const differences = differencesBetween(m, held);
        // What `live` means (M1): no patience with a mirror that is different and vouches for itself.
        if (differences.length > 0 && m.state.status === 'live' && m.asOf > quietSince) this.#lies.push(...differences);
        if (differences.length > 0) throw new Error(differences.slice(0, 3).join('; '));
        if (m.state.status !== 'live') throw new Error(`equal, but ${JSON.stringify(m.state)}`);
      },
      { timeoutMs, intervalMs: 100 },
    );
    await this.#expectWatchers(watchers, timeoutMs);
    const problems = [...m.problems(), ...this.#invalid].map(({ key, reason }) => `${key} is listed: ${reason}`);
    const wrong = [...this.#lies, ...problems, ...this.#copy.violations, ...this.#copy.differences(m)];
    if (wrong.length > 0) throw new Error(wrong.slice(0, 5).join('; '));
  }

  /** Closes the mirror, and waits until the server has `watchers` watches left: none, unless told. */
  async close({ watchers = 0, timeoutMs = PATIENCE_MS }: SettledOptions = {}): Promise<void> {
    await this.mirror.close();
    await this.#expectWatchers(watchers, timeoutMs);
  }

  #expectWatchers(expected: number, timeoutMs: number): Promise<unknown> {
    return eventually(
      async () => {
        const watchers = await this.#outside.watchers();
        if (watchers !== expected) throw new Error(`the server has ${watchers} watches instead of ${expected}`);
      },
      { timeoutMs, intervalMs: 50 },
    );
  }
}

function differencesBetween(shown: Mirror<unknown>, held: ReadonlyMap<string, HeldEntry>): string[] {
  const plain = ({ value, modRevision, createRevision }: Entry<unknown>) => ({ value, modRevision, createRevision });
  const expected = [...held].map(([key, { json: value, ...revisions }]) => {
    return [key, { value: JSON.parse(value) as unknown, ...revisions }] as const;
  });
  const actual = [...shown].map(([key, entry]) => [key, plain(entry)] as const);
  return checkEqualViews('the mirror', actual, expected).map(({ message }) => message);
}
