import { getEventListeners } from 'node:events';
import type { Entry } from '@holdfast/core';
import { type ConfigStore, isStoreError, type Logger, type StoreError } from '@holdfast/store';
import { badKeys, difference, guaranteeOf } from './content.js';
import { Follower, keptIn } from './follower.js';
import { type Layout, layoutOf, openMirror, type OpenedMirror } from './opened-mirror.js';
import type { MirrorPlan } from './plan.js';
import type { Random } from './random.js';
import type { ClockView, SimClock } from './sim-clock.js';
import type { Commit, Epoch, Truth } from './truth.js';

export const LIVENESS_MS = 3_000;
const START_TIMEOUT_MS = 8_000;
const SYNC_TIMEOUT_MS = 2_500;
// Closing waits for nothing that takes time.
const CLOSE_MS = 100;

export interface HostOptions {
  readonly name: string;
  readonly plan: MirrorPlan;
  readonly store: ConfigStore;
  readonly clock: SimClock;
  readonly view: ClockView;
  readonly random: Random;
  readonly truth: Truth;
  readonly trace: ((line: string) => void) | undefined;
  readonly violated: (guarantee: string, message: string) => void;
  readonly count: (fault: string) => void;
  /** Whether anything of this history was compacted. */
  readonly wasCompacted: () => boolean;
  /** Whether somebody sets the wall clocks: what the mirror says of times then says nothing. */
  readonly clocksJump: boolean;
}

/** One mirror of a world, with everybody who looks at it: holds it to the promises M1 to M12 at every chance. */
export class MirrorHost {
  readonly layout: Layout;
  readonly #options: HostOptions;
  #controller = new AbortController();
  #opened: OpenedMirror | undefined;
  #opening: Promise<void> | undefined;
  #followers: Follower[] = [];
  #main: Follower | undefined;
  #commits: { readonly commit: Commit; readonly epoch: Epoch }[] = [];
  // What the last look showed.
  #seen: { readonly shown: Map<string, Entry<unknown>>; readonly epoch: Epoch | undefined } | undefined;
  #seenVersion = 0;
  #seenAt = '';
  #toldVersion = 0;
  #equalEpoch: Epoch | undefined;
  #closesInListener = false;
  looks = 0;
  states = 0;
  syncs = 0;
  resyncs = 0;

  constructor(options: HostOptions) {
    this.#options = options;
    this.layout = layoutOf(options.plan.kind);
  }

  get isOpen(): boolean {
    return this.#opened !== undefined && this.#opened.mirror.state.status !== 'closed';
  }

  get opened(): OpenedMirror | undefined {
    return this.#opened;
  }

  get events(): number {
    return this.#followers.reduce((sum, { events }) => sum + events, 0);
  }

  /** Whether what it shows, if anything, is of a later revision. */
  isPast(revision: number): boolean {
    const { truth } = this.#options;
    const shown = this.isOpen ? this.#opened?.mirror.revision : undefined;
    return Math.min(shown ?? Infinity, truth.current.head) > revision;
  }

  noteCommit(commit: Commit, epoch: Epoch): void {
    if (commit.keys.some((key) => this.layout.inRange(key))) this.#commits.push({ commit, epoch });
  }

  open(): void {
    this.#closesInListener = false;
    if (this.#opening !== undefined || this.isOpen) return;
    this.#opening = this.#open().finally(() => (this.#opening = undefined));
  }

  async #open(): Promise<void> {
    const { name, plan, store, clock, view, random, trace, violated } = this.#options;
    this.#controller = new AbortController();
    this.#opened = undefined;
    this.#seen = undefined;
    this.#seenAt = '';
    this.#seenVersion = 0;
    this.#toldVersion = 0;
    this.#equalEpoch = undefined;
    const isLazy = plan.decode === 'lazy';
    const main = this.#follower(`the listener of ${name}`);
    this.#main = main;
    const began = clock.now;
    try {
      const opened = await openMirror(store, plan.kind, {
        decode: plan.decode,
        ...(plan.cacheSize === undefined ? {} : { cacheSize: plan.cacheSize }),
        ...(plan.auditEveryMs === undefined ? {} : { auditEveryMs: plan.auditEveryMs }),
        ...(plan.fullResyncKeys === undefined ? {} : { fullResyncKeys: plan.fullResyncKeys }),
        livenessMs: LIVENESS_MS,
        startTimeoutMs: START_TIMEOUT_MS,
        syncTimeoutMs: SYNC_TIMEOUT_MS,
        graceMs: 60,
        backoff: { initialMs: 50, maxMs: 800 },
        signal: this.#controller.signal,
        clock: view,
        random: random.next,
        logger: this.#logger(),
        onChange: (event) => {
          trace?.(`${name} ${event.cause} -> ${event.bookmark.revision}: ${event.changes.length} changes`);
          if (event.version <= this.#toldVersion) violated('version', `${name} told version ${event.version} twice`);
          this.#toldVersion = event.version;
          this.#look('in its listener');
          main.take(event);
          const shown = this.#opened?.shown();
          if (!isLazy && shown !== undefined) this.#compareCopy(main, shown);
          this.#closeFromListener();
          this.#throwNowAndThen('throws');
        },
        onValidate: () => {
          if (!isLazy) this.#look('while decoding');
        },
        onState: (state, previous) => {
          trace?.(
            `${name} ${previous.status} -> ${state.status} ${'reason' in state ? state.reason : ''} ${'cause' in state ? (state.cause?.message ?? '') : ''}`,
          );
          this.#throwNowAndThen('throws');
        },
        onInvalid: async () => {
          this.#throwNowAndThen('rejects');
        },
      });
      this.#opened = opened;
      trace?.(`${name} is open at ${opened.mirror.revision}`);
      this.#attach(opened, isLazy);
      this.look('when it opened');
    } catch (error) {
      trace?.(`${name} did not open: ${String(error)}`);
      const code = isStoreError(error) ? error.code : 'none';
      // What no later attempt can heal ends it at once.
      if (!['timeout', 'aborted', 'closed', 'permission-denied', 'unauthenticated'].includes(code))
        violated('start', `${name} did not open: ${String(error)}`);
      if (clock.now - began > START_TIMEOUT_MS + 50)
        violated('start', `${name} took ${clock.now - began} ms to say that it can't open`);
      this.#checkResources('that did not open');
    }
  }

  #throwNowAndThen(how: 'throws' | 'rejects'): void {
    if (this.#options.plan.listeners !== 'throwing') return;
    this.#options.count(`listener ${how}`);
    throw new Error(`a listener that ${how}`);
  }

  closeInListener(): void {
    this.#closesInListener = true;
  }

  #closeFromListener(): void {
    if (!this.#closesInListener || this.#opened === undefined) return;
    this.#closesInListener = false;
    this.#options.count('mirror closed by its listener');
    void this.close();
  }

  #follower(name: string, isCoalescing = false): Follower {
    const { plan, truth, violated } = this.#options;
    const follower = new Follower({
      name,
      layout: this.layout,
      truth,
      isLazy: plan.decode === 'lazy',
      isCoalescing,
      violated,
    });
    this.#followers.push(follower);
    return follower;
  }

  #attach({ mirror, parts }: OpenedMirror, isLazy: boolean): void {
    const { plan, name } = this.#options;
    mirror.on('resync', ({ reason }) => {
      this.resyncs += 1;
      this.#checkReason(reason);
    });
    for (const part of parts) {
      part.on('change', () => {
        this.#look('in the listener of a collection');
      });
    }
    const { debounceMs, iterateMs } = plan;
    if (debounceMs !== undefined && !isLazy) {
      const follower = this.#follower(`the debounced subscriber of ${name}`, true);
      mirror.subscribe(
        (event) => {
          follower.take(event);
        },
        { replay: true, debounceMs },
      );
    }
    if (iterateMs !== undefined && !isLazy) void this.#iterate(iterateMs);
  }

  async #iterate(ms: number): Promise<void> {
    const { name, clock } = this.#options;
    const follower = this.#follower(`the iteration of ${name}`, true);
    const stream = this.#opened?.mirror.changes({ replay: true });
    if (stream === undefined) return;
    for await (const event of stream) {
      follower.take(event);
      this.#options.count('slow iteration');
      await new Promise<void>((resolve) => clock.set('consumer', resolve, ms));
    }
  }

  #compareCopy(follower: Follower, shown: ReadonlyMap<string, Entry<unknown>>): void {
    const { name, violated } = this.#options;
    for (const [key, entry] of shown) {
      if (follower.copy.get(key) !== entry) violated('listener', `${name} shows ${key} as its listener was not told`);
    }
    if (follower.copy.size !== shown.size)
      violated('listener', `${name} shows ${shown.size} keys; its listener has ${follower.copy.size}`);
  }

  /** Looks at everything that the mirror shows, as any synchronous reader could at this moment. */
  look(when: string): void {
    this.#look(when);
    const shown = this.#seen?.shown;
    const follower = this.#main;
    if (this.#options.plan.decode === 'eager' && shown !== undefined && follower !== undefined)
      this.#compareCopy(follower, shown);
    this.#checkState();
  }

  #look(when: string): void {
    if (this.#opened === undefined) return;
    const { mirror } = this.#opened;
    const { bookmark, version } = mirror;
    const at = `${bookmark.identity} ${bookmark.revision} ${version}`;
    const { plan, name, violated } = this.#options;
    // Nothing moved since the last look, which went well.
    if (at === this.#seenAt && plan.decode === 'eager') return;
    this.looks += 1;
    const shown = this.#opened.shown();
    const before = this.#seen;
    const { epoch, wrong, guarantee = 'equal' } = this.#find(shown, before, bookmark.revision, bookmark.identity);
    if (wrong !== undefined) violated(guarantee, `${name} at ${bookmark.revision}, ${when}: ${wrong}`);
    if (before !== undefined) this.#checkIdentity(before.shown, shown, version, when);
    this.#seen = { shown, epoch };
    this.#seenAt = at;
    this.#seenVersion = version;
    this.#equalEpoch = epoch;
  }

  /** The history whose state at the revision this is. */
  #find(
    shown: ReadonlyMap<string, Entry<unknown>>,
    before: { readonly shown: ReadonlyMap<string, Entry<unknown>>; readonly epoch: Epoch | undefined } | undefined,
    revision: number,
    identity: string,
  ): { readonly epoch?: Epoch; readonly wrong?: string; readonly guarantee?: string } {
    const { truth } = this.#options;
    let wrong: string | undefined;
    let guarantee: string | undefined;
    for (const epoch of [...truth.epochs].reverse()) {
      if (epoch.identity !== identity || !epoch.covers(revision)) continue;
      const found = difference(shown, epoch, revision, {
        claims: this.layout.claims,
        formerly: (key) => keptIn(epoch.index, key, before?.shown.get(key), truth),
        epochs: truth.epochs,
        isLazyCopy: false,
      });
      // Where two histories are told apart only by a bad value, the problems tell which one is shown.
      const problem = found ?? this.#problemsDifference(epoch, revision);
      if (problem === undefined) return { epoch };
      if (wrong === undefined || (found === undefined && guarantee !== 'problems')) {
        wrong = problem;
        guarantee = found === undefined ? 'problems' : guaranteeOf(found, shown, epoch, this.layout.claims);
      }
    }
    return { guarantee: guarantee ?? 'equal', wrong: wrong ?? `there is no revision ${revision} of ${identity}` };
  }

  #problemsDifference(epoch: Epoch, revision: number): string | undefined {
    const problems = this.#opened?.mirror.problems() ?? [];
    const listed = new Set(
      problems.filter(({ key }) => key !== undefined).map((problem) => this.layout.whole(problem)),
    );
    const bad = badKeys(epoch, revision, this.layout.claims);
    const unlisted = bad.find((key) => !listed.has(key));
    if (unlisted !== undefined) return `${unlisted} is not listed as a problem`;
    if (listed.size > bad.length) return `${[...listed].join(' ')} are listed as problems; bad are ${bad.join(' ')}`;
    const raw = problems.filter(({ rawKey }) => rawKey !== undefined).length;
    const expected = this.#options.plan.kind === 'key' ? 0 : epoch.rawCountAt(revision);
    return raw === expected ? undefined : `${raw} unreadable keys are listed, and there are ${expected}`;
  }

  #checkIdentity(
    before: ReadonlyMap<string, Entry<unknown>>,
    shown: ReadonlyMap<string, Entry<unknown>>,
    version: number,
    when: string,
  ): void {
    const { plan, name, violated } = this.#options;
    let isSame = before.size === shown.size;
    for (const [key, entry] of shown) {
      const former = before.get(key);
      if (former === entry) continue;
      isSame = false;
      if (former === undefined || former.modRevision !== entry.modRevision) continue;
      if (former.createRevision !== entry.createRevision) continue;
      if (JSON.stringify(former.value) === JSON.stringify(entry.value))
        violated(
          'identity',
          `${name} has another entry for ${key}, which is unchanged at ${entry.modRevision}, ${when}`,
        );
    }
    if (plan.decode === 'lazy') return;
    if (isSame && version !== this.#seenVersion)
      violated(
        'version',
        `${name} went from version ${this.#seenVersion} to ${version} with the same content, ${when}`,
      );
    if (!isSame && version === this.#seenVersion)
      violated('version', `${name} has other content at the same version ${version}, ${when}`);
  }

  /** Everything is read again for a reason: a lagging member is no other history (C13), and an audit of what is equal finds nothing. */
  #checkReason(reason: string): void {
    const { truth, wasCompacted, name, violated } = this.#options;
    if (truth.epochs.length > 1) return;
    const isFalse = reason === 'history-changed' || reason === 'audit' || (reason === 'compacted' && !wasCompacted());
    if (isFalse) violated('alarm', `${name} read everything again for ${reason}, and there was no such thing`);
  }

  /** M1: what is `live` is complete as of `asOf`, and at most {@link LIVENESS_MS} old. */
  #checkState(): void {
    if (this.#opened === undefined) return;
    const { mirror } = this.#opened;
    this.states += 1;
    if (mirror.state.status !== 'live') return;
    const { clock, view, clocksJump } = this.#options;
    // A read during which the clock was set has no age that anybody knows.
    this.#checkAsOf(clock.now - (clocksJump ? 2 : 1) * LIVENESS_MS, 'although its state is live');
    if (clocksJump) return;
    const asOf = mirror.asOf - view.offset;
    if (asOf < clock.now - LIVENESS_MS)
      this.#options.violated('truthful', `${this.#options.name} is live as of ${clock.now - asOf} ms ago`);
    this.#checkAsOf(asOf, `although it says so`);
  }

  /** Whether everything that was committed before `time` is shown. */
  #checkAsOf(time: number, how: string): void {
    if (this.#opened === undefined) return;
    const { truth, name, violated, clock } = this.#options;
    const { bookmark } = this.#opened.mirror;
    const epoch = truth.current;
    if (epoch.since >= time) return;
    if (this.#equalEpoch !== epoch && !this.#isEqualTo(epoch)) {
      violated(
        'truthful',
        `${name} is not complete as of ${clock.now - time} ms ago, ${how}: it shows another history, at ${bookmark.revision}; that began ${clock.now - epoch.since} ms ago`,
      );
      return;
    }
    const last = this.#commits.findLast(({ commit }) => commit.at < time);
    if (last !== undefined && last.epoch === epoch && bookmark.revision < last.commit.revision) {
      violated(
        'truthful',
        `${name} is not complete as of ${clock.now - time} ms ago, ${how}: it is at ${bookmark.revision}, and ${last.commit.revision} was committed ${clock.now - last.commit.at} ms ago`,
      );
    }
  }

  #isEqualTo(epoch: Epoch): boolean {
    if (this.#opened === undefined) return false;
    const { bookmark } = this.#opened.mirror;
    if (bookmark.identity !== epoch.identity || !epoch.covers(bookmark.revision)) return false;
    return (
      difference(this.#opened.shown(), epoch, bookmark.revision, {
        claims: this.layout.claims,
        formerly: () => undefined,
        epochs: this.#options.truth.epochs,
        isLazyCopy: false,
      }) === undefined
    );
  }

  /** Whether it is live, and shows everything. */
  hasConverged(): boolean {
    if (!this.isOpen || this.#opened === undefined) return false;
    const epoch = this.#options.truth.current;
    const last = this.#commits.at(-1);
    const { mirror } = this.#opened;
    return (
      mirror.state.status === 'live' &&
      this.#isEqualTo(epoch) &&
      (last === undefined || last.epoch !== epoch || mirror.revision >= last.commit.revision)
    );
  }

  /** What the last copies of those who followed came to. */
  checkFollowers(): void {
    const shown = this.#opened?.shown();
    if (shown === undefined || this.#options.plan.decode === 'lazy') return;
    for (const follower of this.#followers.slice(-3)) {
      if (follower.events > 0 && !this.#isOld(follower)) this.#compareCopy(follower, shown);
    }
  }

  #isOld(follower: Follower): boolean {
    const main = this.#main;
    return main === undefined || this.#followers.indexOf(follower) < this.#followers.indexOf(main);
  }

  /** M12: what was committed before the call is there after it. */
  async sync(signal?: AbortSignal): Promise<'done' | 'failed'> {
    const opened = this.#opened;
    if (opened === undefined || !this.isOpen) return 'failed';
    const { truth, clock, name, violated, trace } = this.#options;
    const epoch = truth.current;
    const called = clock.now;
    const committed = this.#commits.findLast(({ commit }) => commit.at <= called && commit.revision <= epoch.head);
    try {
      await opened.mirror.sync(signal === undefined ? {} : { signal });
    } catch (error) {
      trace?.(`${name} sync() failed: ${String(error)}`);
      this.#checkWaitFailure('sync()', error, clock.now - called);
      return 'failed';
    }
    trace?.(`${name} is in sync at ${opened.mirror.revision}`);
    this.syncs += 1;
    if (truth.current !== epoch || !this.isOpen) return 'done';
    this.#look('after sync()');
    if (this.#equalEpoch !== epoch && !this.#isEqualTo(epoch))
      violated('sync', `${name} shows another history after sync()`);
    else if (committed?.epoch === epoch && opened.mirror.revision < committed.commit.revision)
      violated(
        'sync',
        `${name} is at ${opened.mirror.revision} after sync(), and ${committed.commit.revision} was committed before`,
      );
    return 'done';
  }

  async waitFor(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined || !this.isOpen) return;
    const { truth, clock, name, violated } = this.#options;
    const { head } = truth.current;
    const called = clock.now;
    try {
      await opened.mirror.waitFor(head);
      if (opened.mirror.revision < head && this.isOpen && truth.epochs.length === 1)
        violated('sync', `${name} waited for ${head}, and is at ${opened.mirror.revision}`);
    } catch (error) {
      this.#checkWaitFailure(`waitFor(${head})`, error, clock.now - called);
    }
  }

  #checkWaitFailure(what: string, error: unknown, took: number): void {
    const { name, violated } = this.#options;
    if (
      !isStoreError(error) ||
      !['timeout', 'aborted', 'closed', 'permission-denied', 'unauthenticated'].includes(error.code)
    )
      violated('sync', `${what} of ${name} failed with ${String(error)}`);
    if (took > SYNC_TIMEOUT_MS + 50) violated('sync', `${what} of ${name} took ${took} ms to time out`);
  }

  abort(): void {
    this.#controller.abort(new Error('the application aborts it'));
  }

  async close(): Promise<void> {
    const { clock, name, violated } = this.#options;
    const opened = this.#opened;
    if (opened === undefined) {
      this.abort();
      await this.#opening;
      return;
    }
    const began = clock.now;
    await opened.mirror.close();
    if (clock.now - began > CLOSE_MS) violated('resources', `${name} took ${clock.now - began} ms to close`);
    await clock.settle();
    if (this.#opened !== opened) return;
    if (opened.mirror.state.status !== 'closed') violated('resources', `${name} is not closed after close()`);
    this.#checkResources('after close()');
  }

  /** M11: nothing is left. */
  #checkResources(when: string): void {
    const { view, name, violated } = this.#options;
    if (view.pending > 0) violated('resources', `${name} has ${view.pending} timers ${when}`);
    const listeners = getEventListeners(this.#controller.signal, 'abort').length;
    if (listeners > 0) violated('resources', `${name} listens ${listeners} times to its signal ${when}`);
  }

  #logger(): Logger {
    const { name, violated, trace } = this.#options;
    const nothing = () => undefined;
    return {
      debug: (message, details) =>
        trace?.(`${name} ${message} ${String((details?.['error'] as StoreError | undefined)?.message ?? '')}`),
      info: nothing,
      warn: nothing,
      error: (message, details) => {
        const { error } = details ?? {};
        if (!(error instanceof Error) || !error.message.startsWith('a listener that'))
          violated('internal', `${name}: ${message}: ${String(error)}`);
      },
    };
  }
}
