import type { Etcd } from '@holdfast/testkit';
import { eventually } from '@holdfast/testkit';
import { Epoch } from './epoch.js';
import type { Outside } from './outside.js';
import { HistoryGone, keyValue, type TruthSource } from './truth-source.js';
import { PREFIX, type Truth } from './world.js';

/** Below what the source follows, and not below {@link PREFIX}: no mirror shows it. */
const MARKER = '/t-marker';
const PATIENCE_MS = 30_000;
/** After this long without getting on, another member is asked. */
const PATIENCE_WITH_MEMBER_MS = 1_000;

/** Follows the servers all the time, whatever happens to them, and keeps what they tell. */
export class LiveTruth implements Truth {
  readonly epochs: Epoch[] = [];
  readonly #etcd: Etcd;
  readonly #outside: Outside;
  readonly #source: TruthSource;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #next = 0;
  #marks = 0;
  /** The servers may be given another history now: what breaks off must not be continued in that. */
  #mayEnd = false;
  /** Told at every {@link catchUp}. */
  onCatchUp: () => void = () => undefined;

  constructor(etcd: Etcd, outside: Outside, source: TruthSource) {
    this.#etcd = etcd;
    this.#outside = outside;
    this.#source = source;
  }

  get epoch(): Epoch {
    const epoch = this.epochs.at(-1);
    if (epoch === undefined) throw new Error('there is no history yet; begin() one');
    return epoch;
  }

  /** A new history, as it is now. To be called while nobody writes. */
  async begin(): Promise<void> {
    await this.quiet();
    const { revision, entries } = await eventually(() => this.#outside.held(PREFIX), { timeoutMs: PATIENCE_MS });
    const initial = [...entries].map(([key, entry]) => keyValue(key, entry));
    this.epochs.push(new Epoch(this.epochs.length, revision, initial));
    this.follow();
  }

  /** Closes the watch that it has at the servers, until {@link follow}. */
  async quiet(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  follow(): void {
    this.#mayEnd = false;
    this.#stop = new AbortController();
    this.#running = this.#run(this.epoch, this.#stop.signal);
  }

  /** Writing goes on: the servers hold what they are to hold. */
  goOn(): void {
    this.#mayEnd = false;
  }

  async catchUp(): Promise<void> {
    this.onCatchUp();
    this.#mayEnd = false;
    this.#marks += 1;
    const value = String(this.#marks);
    const upTo = await eventually(() => this.#source.mark(MARKER, value), { timeoutMs: PATIENCE_MS });
    const { epoch } = this;
    await eventually(() => epoch.to >= upTo, { timeoutMs: PATIENCE_MS, intervalMs: 5 }).catch(() => {
      throw new Error(`the servers have told of what happened up to ${epoch.to}, and not of ${upTo}`);
    });
    this.#mayEnd = true;
  }

  async #run(epoch: Epoch, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const endpoints = this.#etcd.members.filter(({ state }) => state === 'running').map(({ endpoint }) => endpoint);
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

  /** What was forgotten is not to be known any more; what there is now is. */
  async #bridge(epoch: Epoch): Promise<void> {
    epoch.bridge(await this.#outside.held(PREFIX));
  }
}
