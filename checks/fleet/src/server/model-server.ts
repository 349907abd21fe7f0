import type { SimClock } from '@holdfast/simulation';
import { History } from './history.js';
import { Load } from './load.js';
import type { Machine } from './machine.js';
import { Processor, type Work } from './processor.js';
import { MODEL } from './model-timers.js';
import type { Price, Tariff } from './tariff.js';
import { Watcher, type WatcherHandlers, Watchers } from './watchers.js';

/** How long Go lets a goroutine run before others get their turn. */
const SLICE_MS = 10;
/** What a turn costs that only hands something on: nearly nothing, and the measured cost of a call has it already. */
const TURN_MS = 0.002;
/**
 * How often a call waits for a turn: each goroutine that it passes is one. A linearizable read goes from its socket over the loop that
 * learns the head, raft, and what applies entries, to its own goroutine and back to the socket; a write passes the log and its disk as well.
 * The numbers are those with which a run of 300 real mirrors is reproduced.
 */
const READ_TURNS = 6;
const WRITE_TURNS = 10;

export interface ModelServerOptions {
  readonly clock: SimClock;
  readonly machine: Machine;
  readonly tariff: Tariff;
  readonly simulatedKeys: number;
}

/** A client's connection as the server has it. */
export class Session {
  /** Called when the server has ended it. */
  readonly onLost: () => void;
  readonly watchers = new Set<Watcher>();
  readonly works = new Set<Work>();
  isOpen = true;

  constructor(onLost: () => void) {
    this.onLost = onLost;
  }
}

/** An etcd of one member: its keys, its watchers, and the CPU time that everything costs it. */
export class ModelServer {
  readonly history: History;
  readonly load: Load;
  readonly processor: Processor;
  readonly #clock: SimClock;
  readonly #tariff: Tariff;
  readonly #watchers: Watchers;
  readonly #sessions = new Set<Session>();
  #isUp = true;

  constructor({ clock, machine, tariff, simulatedKeys }: ModelServerOptions) {
    this.#clock = clock;
    this.#tariff = tariff;
    this.history = new History(simulatedKeys);
    this.load = new Load(() => clock.now);
    this.processor = new Processor({
      clock,
      name: MODEL,
      machine,
      threads: machine.cores,
      sliceMs: SLICE_MS,
      isGo: true,
      onSpent: (ms) => {
        this.load.spent(ms);
      },
    });
    this.#watchers = new Watchers({ clock, tariff, history: this.history, processor: this.processor });
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Calls back with a session when the server has accepted the connection; `undefined` if nobody listens. */
  connect(onLost: () => void, connected: (session: Session | undefined) => void): void {
    if (!this.#isUp) {
      connected(undefined);
      return;
    }
    const { connect } = this.#tariff.costs;
    this.load.asked('connect', connect);
    const session = new Session(onLost);
    this.#sessions.add(session);
    this.processor.run(connect, () => {
      if (session.isOpen) connected(session);
    });
  }

  /** The client has closed the connection. */
  close(session: Session): void {
    session.isOpen = false;
    this.#sessions.delete(session);
    for (const watcher of session.watchers) this.#watchers.remove(watcher);
    for (const work of session.works) this.abort(work);
    session.works.clear();
  }

  /** Calls back when the request's turn is over. */
  request(session: Session, { kind, costMs }: Price, done: () => void): Work {
    this.load.asked(kind, costMs);
    let turns = READ_TURNS;
    const work: Work = this.processor.run(TURN_MS, () => {
      turns -= 1;
      if (turns > 0 && !work.isAborted) {
        work.leftMs = TURN_MS;
        this.processor.resume(work);
        return;
      }
      work.costMs = costMs;
      work.leftMs = work.isAborted ? costMs * this.#tariff.costs.abortedPart : costMs;
      work.done = () => {
        session.works.delete(work);
        if (session.isOpen) done();
      };
      this.processor.resume(work);
    });
    session.works.add(work);
    return work;
  }

  /** Nobody waits for the answer any more. What the server has begun it finishes in part. */
  abort(work: Work): void {
    work.isAborted = true;
    const spentMs = work.costMs - work.leftMs;
    const dueMs = Math.max(0, work.costMs * this.#tariff.costs.abortedPart - spentMs);
    work.leftMs = Math.min(work.leftMs, dueMs);
  }

  watch(session: Session, from: number, handlers: WatcherHandlers): Watcher {
    const watcher = new Watcher(from, handlers);
    session.watchers.add(watcher);
    this.load.asked('watch', TURN_MS);
    this.processor.run(TURN_MS, () => {
      if (!watcher.isOpen || !session.isOpen) return;
      handlers.created(this.history.head);
      this.#watchers.add(watcher);
    });
    return watcher;
  }

  unwatch(session: Session, watcher: Watcher): void {
    session.watchers.delete(watcher);
    this.#watchers.remove(watcher);
  }

  progress(watcher: Watcher): void {
    const { progress } = this.#tariff.costs;
    this.load.asked('progress', progress);
    this.processor.run(progress, () => {
      if (watcher.isOpen) this.#watchers.progress(watcher);
    });
  }

  /** The answer waits for its turn like everything else. */
  ping(session: Session, answered: () => void): void {
    this.processor.run(TURN_MS, () => {
      if (session.isOpen) answered();
    });
  }

  /** Changes a simulated key, in a transaction that stands for one of so many keys. */
  write(index: number, keys: number, done: () => void): void {
    this.#commit(() => {
      this.processor.run(this.#tariff.transaction(keys), () => {
        this.#watchers.notify(this.history.put(index, keys));
        done();
      });
    });
  }

  /** Another client changes a key that no mirror has. */
  writeElsewhere(): void {
    const { put } = this.#tariff.costs;
    this.load.asked('put', put);
    this.#commit(() => {
      this.processor.run(put, () => {
        this.history.putElsewhere();
      });
    });
  }

  #commit(apply: () => void): void {
    this.#turns(WRITE_TURNS / 2, () => {
      this.#clock.set(
        MODEL,
        () => {
          this.#turns(WRITE_TURNS / 2, apply);
        },
        this.#tariff.costs.sync,
      );
    });
  }

  #turns(count: number, then: () => void): void {
    this.processor.run(TURN_MS, () => {
      if (count > 1) this.#turns(count - 1, then);
      else then();
    });
  }

  kill(): void {
    this.#isUp = false;
    this.processor.reset();
    this.#watchers.reset();
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    for (const session of sessions) {
      session.isOpen = false;
      session.onLost();
    }
  }

  start(): void {
    this.#isUp = true;
    this.load.spent(this.#tariff.costs.start);
  }
}
