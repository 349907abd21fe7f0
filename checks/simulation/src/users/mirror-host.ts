import { getEventListeners } from 'node:events';
import type { SnapshotContent } from '@holdfast/core/file-snapshot';
import type { SnapshotStore } from '@holdfast/core';
import { Audience } from './audience.js';
import { Freshness } from '../checks/freshness.js';
import { type HostOptions, LIVENESS_MS, START_TIMEOUT_MS, SYNC_TIMEOUT_MS } from '../mirrors/host-options.js';
import { Listeners } from './listeners.js';
import { isExpectedFailure, MirrorCalls } from './mirror-calls.js';
import { mirrorLogger } from './mirror-logger.js';
import { Observer } from '../checks/observer.js';
import { SavedFile } from '../checks/saved-file.js';
import { type Layout, layoutOf, openMirror, type OpenedMirror, type SimOptions } from '../mirrors/opened-mirror.js';
import { Copies } from '../disks/copies.js';
import type { Disk } from '../disks/disk.js';
import type { Death, MirrorPlan } from '../plans/plan.js';
import type { Commit, Epoch } from '../truth/truth.js';

// Closing waits for nothing slow.
const CLOSE_MS = 100;
/** How long it may take to show a snapshot beyond `snapshotAfterMs`. */
const SHOW_MS = 100;

/** One mirror of a world, opened and closed any number of times. It checks the promises M1 to M12 whenever it can. */
export class MirrorHost {
  readonly layout: Layout;
  readonly #options: HostOptions;
  readonly #observer: Observer;
  readonly #freshness: Freshness;
  readonly #audience: Audience;
  readonly #listeners: Listeners;
  readonly #calls: MirrorCalls;
  readonly #file: SavedFile | undefined;
  readonly #copies = new Copies();
  #dieInCopies = () => undefined as void;
  #controller = new AbortController();
  #opening: Promise<void> | undefined;
  /** Whether the last opened mirror, or its opening, is being ended. */
  #isEnding = false;
  resyncs = 0;

  constructor(options: HostOptions) {
    this.#options = options;
    this.layout = layoutOf(options.plan.kind);
    this.#observer = new Observer(options, this.layout);
    this.#freshness = new Freshness(options, this.#observer);
    this.#audience = new Audience(options, this.layout);
    this.#listeners = new Listeners({
      host: options,
      observer: this.#observer,
      audience: this.#audience,
      close: () => this.close(),
    });
    if (options.plan.snapshot?.place === 'file') this.#file = new SavedFile(options, this.layout);
    this.#calls = new MirrorCalls(options, this.#observer, this.#freshness);
  }

  get disk(): Disk {
    return this.#options.disk;
  }

  get isOpen(): boolean {
    return this.#observer.isOpen;
  }

  get opened(): OpenedMirror | undefined {
    return this.#observer.opened;
  }

  get events(): number {
    return this.#audience.events;
  }

  get looks(): number {
    return this.#observer.looks;
  }

  get states(): number {
    return this.#freshness.states;
  }

  get syncs(): number {
    return this.#calls.syncs;
  }

  /** Whether it shows a later revision. */
  isPast(revision: number): boolean {
    const { truth } = this.#options;
    const shown = this.isOpen ? this.opened?.mirror.revision : undefined;
    return Math.min(shown ?? Infinity, truth.current.head) > revision;
  }

  noteCommit(commit: Commit, epoch: Epoch): void {
    if (commit.keys.some((key) => this.layout.inRange(key))) this.#freshness.note(commit, epoch);
  }

  open(): void {
    this.#listeners.closesMirror = false;
    if (this.#opening !== undefined || this.isOpen || this.#options.isDown()) return;
    this.#opening = this.#open().finally(() => (this.#opening = undefined));
  }

  async #open(): Promise<void> {
    const { name, plan, store, clock, trace } = this.#options;
    this.#controller = new AbortController();
    this.#isEnding = false;
    this.#observer.turnTo(undefined);
    const began = clock.now;
    const saved = this.#file?.read();
    const snapshot = this.#newSnapshot();
    const controller = this.#controller;
    try {
      const opened = await openMirror(store, plan.kind, this.#mirrorOptions(snapshot));
      // Its process may have died at this very moment.
      if (controller.signal.aborted) return;
      this.#observer.turnTo(opened);
      trace?.(`${name} is open at ${opened.mirror.revision}`);
      this.#attach(opened);
      this.look('when it opened');
      await this.#checkWarmStart(saved, opened, clock.now - began);
    } catch (error) {
      this.#checkFailedStart(error, clock.now - began);
      await this.#checkWarmStart(saved, undefined, clock.now - began);
    }
  }

  #newSnapshot(): SnapshotStore | undefined {
    const { plan } = this.#options;
    if (plan.snapshot?.place !== 'copies') return this.#file?.begin();
    const { snapshot, die } = this.#copies.open();
    this.#dieInCopies = die;
    return snapshot;
  }

  /** With a snapshot, the start waits no longer for the store than it was told to, and shows what is in the file. */
  async #checkWarmStart(
    saved: Promise<SnapshotContent | undefined> | undefined,
    opened: OpenedMirror | undefined,
    tookMs: number,
  ): Promise<void> {
    const { plan, name, violated, count } = this.#options;
    const isEnding = this.#isEnding;
    const { state, bookmark } = opened?.mirror ?? {};
    const isUndisturbed = this.#file?.isUndisturbed === true;
    const content = await saved;
    if (content?.header === undefined || content.reason !== undefined || isEnding || !isUndisturbed) return;
    const { bookmark: own } = content.header;
    if (bookmark === undefined || state === undefined) violated('snapshot', `${name} has a snapshot, and did not open`);
    else if (state.status === 'stale' && state.reason === 'from-snapshot') {
      count('started from its snapshot');
      if (own.identity !== bookmark.identity || own.revision !== bookmark.revision)
        violated(
          'snapshot',
          `${name} shows ${bookmark.revision} of ${bookmark.identity}; its file has ${own.revision} of ${own.identity}`,
        );
    }
    if (tookMs > (plan.snapshot?.afterMs ?? 0) + SHOW_MS)
      violated('snapshot', `${name} has a snapshot, and took ${tookMs} ms to show anything`);
  }

  #mirrorOptions(snapshot: SnapshotStore | undefined): SimOptions {
    const { plan, view, random } = this.#options;
    return {
      decode: plan.decode,
      ...(plan.cacheSize === undefined ? {} : { cacheSize: plan.cacheSize }),
      ...(plan.auditEveryMs === undefined ? {} : { auditEveryMs: plan.auditEveryMs }),
      ...(plan.fullResyncKeys === undefined ? {} : { fullResyncKeys: plan.fullResyncKeys }),
      ...(plan.replayRevisions === undefined ? {} : { replayRevisions: plan.replayRevisions }),
      ...(snapshot === undefined ? {} : { snapshot, ...snapshotTimes(plan.snapshot) }),
      livenessMs: LIVENESS_MS,
      startTimeoutMs: START_TIMEOUT_MS,
      syncTimeoutMs: SYNC_TIMEOUT_MS,
      graceMs: 60,
      backoff: { initialMs: 50, maxMs: 800 },
      signal: this.#controller.signal,
      clock: view,
      random: random.next,
      logger: mirrorLogger(this.#options),
      ...this.#listeners.forNewMirror(),
    };
  }

  closeInListener(): void {
    this.#listeners.closesMirror = true;
  }

  #attach(opened: OpenedMirror): void {
    opened.mirror.on('resync', ({ reason }) => {
      this.resyncs += 1;
      this.#checkReason(reason);
    });
    for (const part of opened.parts) {
      part.on('change', () => {
        this.#observer.look('in the listener of a collection');
      });
    }
    this.#audience.follow(opened);
  }

  /** Checks everything that the mirror shows and reports, as a synchronous reader could at this moment. */
  look(when: string): void {
    this.#observer.look(when);
    if (this.opened !== undefined) this.#file?.note(this.opened.mirror.version, this.opened.mirror.bookmark);
    const { shown } = this.#observer;
    if (this.#options.plan.decode === 'eager' && shown !== undefined) this.#audience.checkListener(shown);
    this.#freshness.check();
    this.#checkEnd();
  }

  /** A loaded mirror ends only when it is closed or aborted. No answer of the store, or of a proxy, ends it. */
  #checkEnd(): void {
    const { name, violated } = this.#options;
    const state = this.opened?.mirror.state;
    if (this.#isEnding || state?.status !== 'closed') return;
    this.#isEnding = true;
    violated('ends', `${name} is closed, and nobody closed it: ${JSON.stringify(state)}`);
  }

  /** Every full resync has a reason: a lagging member is not another history (C13), and an audit of equal content finds nothing. */
  #checkReason(reason: string): void {
    const { truth, wasCompacted, name, violated } = this.#options;
    if (truth.epochs.length > 1) return;
    const isFalse = reason === 'history-changed' || reason === 'audit' || (reason === 'compacted' && !wasCompacted());
    if (isFalse) violated('alarm', `${name} read everything again for ${reason}, and there was no such thing`);
  }

  /** A failure that no later attempt can heal ends the start at once. Others end it at its time limit. */
  #checkFailedStart(error: unknown, took: number): void {
    const { name, trace, violated } = this.#options;
    trace?.(`${name} did not open: ${String(error)}`);
    if (!isExpectedFailure(error)) violated('start', `${name} did not open: ${String(error)}`);
    if (took > START_TIMEOUT_MS + 50) violated('start', `${name} took ${took} ms to say that it can't open`);
    this.#checkResources('that did not open');
  }

  hasConverged(): boolean {
    return this.#freshness.hasConverged();
  }

  checkFollowers(): void {
    const shown = this.opened?.shown();
    if (shown !== undefined && this.#options.plan.decode !== 'lazy') this.#audience.checkAll(shown);
  }

  sync(signal?: AbortSignal): Promise<'done' | 'failed'> {
    return this.#calls.sync(signal);
  }

  waitFor(): Promise<void> {
    return this.#calls.waitFor();
  }

  abort(): void {
    this.#isEnding = true;
    this.#controller.abort(new Error('the application aborts it'));
  }

  /** Its process dies: what it is writing stays as it is. Resolves when nothing of it is left. */
  async die(how: Death, isSeen: boolean): Promise<void> {
    const { opened } = this;
    this.#file?.died(isSeen, how === 'power-failure', this.#observer.last);
    this.#dieInCopies();
    this.#observer.turnTo(undefined);
    this.abort();
    await this.#opening;
    await opened?.mirror.close();
  }

  async close(): Promise<void> {
    const wasEnding = this.#isEnding;
    this.#isEnding = true;
    const { clock, name, violated } = this.#options;
    const { opened } = this;
    if (opened === undefined) {
      this.abort();
      await this.#opening;
      return;
    }
    const began = clock.now;
    await opened.mirror.close();
    const isUndisturbed = this.#file?.isUndisturbed !== false;
    if (isUndisturbed && clock.now - began > CLOSE_MS)
      violated('resources', `${name} took ${clock.now - began} ms to close`);
    await clock.settle();
    if (this.opened !== opened) return;
    if (!wasEnding) this.#file?.closed(this.#observer.last);
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
}

function snapshotTimes(plan: MirrorPlan['snapshot']): Pick<SimOptions, 'snapshotAfterMs' | 'saveEveryMs'> {
  if (plan === undefined) return {};
  const { place, afterMs, saveMs } = plan;
  return { snapshotAfterMs: afterMs, ...(place === 'copies' ? { saveEveryMs: saveMs } : {}) };
}
