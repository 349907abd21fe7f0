import { eventually } from '@holdfast/testkit';
import { Epoch } from './epoch.js';
import type { Outside } from './outside.js';
import { HistoryGone, keyValue, type TruthSource } from './truth-source.js';
import { PREFIX, type Truth } from './world.js';

/** What a truth is about. */
export interface Subject {
  readonly prefix: string;
  /** The source follows this key, but it is not below the prefix, so no mirror shows it. */
  readonly marker: string;
}

const MIRRORED: Subject = { prefix: PREFIX, marker: '/t-marker' };
const PATIENCE_MS = 30_000;
/** After this long without progress, another member is asked, in milliseconds. */
const PATIENCE_WITH_MEMBER_MS = 1_000;

/** Follows the servers all the time, through all faults, and keeps all their events. */
export class LiveTruth implements Truth {
  readonly epochs: Epoch[] = [];
  readonly #endpoints: () => readonly string[];
  readonly #outside: Outside;
  readonly #source: TruthSource;
  readonly #subject: Subject;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #next = 0;
  #marks = 0;
  /** Whether the servers may get another history now: then a broken watch must not be continued. */
  #mayEnd = false;
  /** Called at every {@link catchUp}. */
  onCatchUp: () => void = () => undefined;
  /** What else is to be known of the same servers: it begins, is quiet and catches up whenever this one does. */
  beside: LiveTruth | undefined;

  /** @param endpoints what the source follows: one after the other, where one tells nothing */
  constructor(endpoints: () => readonly string[], outside: Outside, source: TruthSource, subject: Subject = MIRRORED) {
    this.#endpoints = endpoints;
    this.#outside = outside;
    this.#source = source;
    this.#subject = subject;
  }

  get epoch(): Epoch {
    const epoch = this.epochs.at(-1);
    if (epoch === undefined) throw new Error('there is no history yet; begin() one');
    return epoch;
  }

  /** Begins a new history with its current state. Call it while no writer runs. */
  async begin(): Promise<void> {
    await this.quiet();
    const held = await eventually(() => this.#outside.held(this.#subject.prefix), { timeoutMs: PATIENCE_MS });
    const initial = [...held.entries].map(([key, entry]) => keyValue(key, entry));
    this.epochs.push(new Epoch(this.epochs.length, held.revision, initial, held.identity));
    this.follow();
    await this.beside?.begin();
  }

  /** Closes its watch at the servers, until {@link follow}. */
  async quiet(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#running, this.beside?.quiet()]);
  }

  follow(): void {
    this.#mayEnd = false;
    this.#stop = new AbortController();
    this.#running = this.#run(this.epoch, this.#stop.signal);
    // It begins by itself.
    if (this.beside !== undefined && this.beside.epochs.length === this.epochs.length) this.beside.follow();
  }

  /** Writing goes on: the servers have their final history. */
  goOn(): void {
    this.#mayEnd = false;
    this.beside?.goOn();
  }

  async catchUp(): Promise<void> {
    const beside = this.beside?.catchUp();
    // Awaited below.
    beside?.catch(() => undefined);
    this.onCatchUp();
    this.#mayEnd = false;
    this.#marks += 1;
    const value = String(this.#marks);
    const upTo = await eventually(() => this.#source.mark(this.#subject.marker, value), { timeoutMs: PATIENCE_MS });
    const { epoch } = this;
    await eventually(() => epoch.to >= upTo, { timeoutMs: PATIENCE_MS, intervalMs: 5 }).catch(() => {
      throw new Error(`the servers have told of what happened up to ${epoch.to}, and not of ${upTo}`);
    });
    await beside;
    this.#mayEnd = true;
  }

  async #run(epoch: Epoch, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const endpoints = this.#endpoints();
      const endpoint = endpoints[this.#next % Math.max(1, endpoints.length)];
      const member = new AbortController();
      const signal = AbortSignal.any([stop, member.signal]);
      let before = epoch.to;
      const watchdog = setInterval(() => {
        if (epoch.to === before) member.abort();
        before = epoch.to;
      }, PATIENCE_WITH_MEMBER_MS);
      try {
        if (endpoint === undefined) throw new Error('no member is running');
        for await (const events of this.#source.follow(endpoint, epoch.to, signal)) epoch.add(events);
      } catch (error) {
        if (error instanceof HistoryGone && !stop.aborted) await this.#bridge(epoch).catch(() => undefined);
        this.#next += 1;
      } finally {
        clearInterval(watchdog);
      }
      do await new Promise((resolve) => setTimeout(resolve, 20));
      while (this.#mayEnd && !stop.aborted);
    }
  }

  /** Continues from the current state: forgotten events can't be learnt any more. */
  async #bridge(epoch: Epoch): Promise<void> {
    epoch.bridge(await this.#outside.held(this.#subject.prefix));
  }
}
