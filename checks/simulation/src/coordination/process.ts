import { isStoreError, type ConfigStore } from '@holdfast/store';
import { sleep } from '@holdfast/store/adapter';
import type { Session } from '@holdfast/coordination';
import type { Client } from '../links/client.js';
import type { LateWrites } from '../links/late-writes.js';
import type { Random } from '../plans/random.js';
import type { ClockView, SimClock } from '../sim-clock.js';
import type { Implementation } from './implementation.js';
import { ProcessClock } from './process-clock.js';
import { isOutage, isRefusal } from './refusals.js';

export interface ProcessOptions {
  readonly name: string;
  readonly client: Client;
  readonly clock: SimClock;
  readonly random: Random;
  readonly ttl: number;
  readonly lateWrites: LateWrites;
  readonly implementation: Implementation;
  /** Whether somebody takes rights away, or a proxy answers, in this world. */
  readonly mayBeRefused: boolean;
  /** Whether tokens expire in this world: one may do so again as soon as it was renewed. */
  readonly tokensExpire: boolean;
  /** How many histories the store has had. */
  readonly history: () => number;
  readonly count: (fault: string) => void;
  readonly violated: (guarantee: string, message: string) => void;
}

const OPEN_TIMEOUT_MS = 5_000;
const OPEN_AGAIN_MS = 200;

/** A session with what is known of it outside. */
export interface OpenSession {
  readonly session: Session;
  /** Whether anything happened to its process, or to the store, that may end it. */
  isDisturbed: boolean;
  isClosed: boolean;
  /** Whether it was lost, or closed. */
  isOver: boolean;
  /** How many histories the store had had when it was opened. */
  readonly history: number;
}

/** One process of a world: its store, its clocks, and its session. */
export class Process {
  readonly name: string;
  readonly client: Client;
  readonly clock: ProcessClock;
  readonly lateWrites: LateWrites;
  readonly #options: ProcessOptions;
  readonly #view: ClockView;
  readonly #opened: OpenSession[] = [];
  readonly #closings = new Set<Promise<void>>();
  #opening: Promise<OpenSession | undefined> | undefined;
  #current: OpenSession | undefined;
  #isOver = false;
  #isTroubled = false;
  #stoppedUntil: number | undefined;
  /** How often something happened to it after which its session may be lost, or its requests may be late. */
  disturbances = 0;
  opened = 0;
  lost = 0;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.client = options.client;
    this.lateWrites = options.lateWrites;
    this.#view = options.client.newView(`${options.name} coordination`);
    this.clock = new ProcessClock(options.clock, this.#view);
  }

  get store(): ConfigStore {
    return this.client.store;
  }

  get implementation(): Implementation {
    return this.#options.implementation;
  }

  /** Whether it runs: one that is suspended can't be asked. */
  get runs(): boolean {
    return this.#stoppedUntil === undefined;
  }

  /** The session that lives, if there is one. */
  get current(): OpenSession | undefined {
    return this.#current;
  }

  /** Whether a session that it opened in an earlier history has not noticed that this one is gone. */
  get livesInThePast(): boolean {
    const now = this.#options.history();
    return this.#opened.some(({ isOver, history }) => !isOver && history < now);
  }

  /** Whether the store, or somebody in its place, may have refused a call so. */
  mayRefuse(error: unknown): boolean {
    const { mayBeRefused, tokensExpire } = this.#options;
    return (mayBeRefused && isRefusal(error)) || (tokensExpire && isStoreError(error, 'unauthenticated'));
  }

  /** Whether a fault lasts, until all heals. */
  get isTroubled(): boolean {
    return this.#isTroubled;
  }

  /** Something happens to it after which its session may be lost. */
  disturb(): void {
    this.#isTroubled = true;
    this.disturbances += 1;
    if (this.#current !== undefined) this.#current.isDisturbed = true;
  }

  /** The faults of its network are over. */
  heal(): void {
    this.#isTroubled = false;
    this.client.link.apply('heal');
  }

  /** The session that lives, or a new one; `undefined` if the world ends, or the store refuses. */
  async session(): Promise<OpenSession | undefined> {
    const current = this.#current;
    if (current !== undefined && !current.session.signal.aborted) return current;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<OpenSession | undefined> {
    const { ttl, random, implementation, history, violated } = this.#options;
    const { store, clock } = this;
    await this.#leave();
    while (!this.#isOver) {
      const before = this.disturbances;
      const began = history();
      const wasTroubled = this.#isTroubled;
      try {
        const session = await implementation.openSession(store, {
          ttl,
          clock,
          random: random.next,
          timeoutMs: OPEN_TIMEOUT_MS,
        });
        this.opened += 1;
        const open = {
          session,
          isDisturbed: wasTroubled || this.disturbances > before,
          isClosed: false,
          isOver: false,
          history: began,
        };
        this.#opened.push(open);
        this.#current = open;
        session.signal.addEventListener('abort', () => {
          this.#ended(open);
        });
        return open;
      } catch (error) {
        const isExpected = isOutage(error) || isStoreError(error, 'session-lost') || this.mayRefuse(error);
        if (!isExpected) violated('outcome', `${this.name}: a session could not be opened: ${String(error)}`);
        await sleep(clock, OPEN_AGAIN_MS);
      }
    }
    return undefined;
  }

  #ended(open: OpenSession): void {
    open.isOver = true;
    const { session, isDisturbed, isClosed } = open;
    if (isClosed) return;
    this.lost += 1;
    const { violated, count } = this.#options;
    count('session lost');
    if (!isDisturbed) violated('alarm', `${this.name} lost a healthy session: ${String(session.signal.reason)}`);
  }

  /** Closes the session of the process. */
  close(): Promise<void> {
    return this.#leave();
  }

  /** Opens no session any more. */
  end(): void {
    this.#isOver = true;
  }

  /** Until all closed sessions have done what they do at their end. */
  async closings(): Promise<void> {
    await Promise.all(this.#closings);
  }

  async #leave(): Promise<void> {
    const open = this.#current;
    this.#current = undefined;
    if (open === undefined) return;
    open.isClosed = true;
    const closing = open.session.close().catch((error: unknown) => {
      if (!isOutage(error) && !this.mayRefuse(error))
        this.#options.violated('outcome', `${this.name}: close() failed: ${String(error)}`);
    });
    this.#closings.add(closing);
    await closing;
    this.#closings.delete(closing);
  }

  /** Stands still for a while. */
  stop(ms: number, how: 'suspended' | 'asleep'): void {
    const { clock, client, count } = this.#options;
    if (!this.runs) return;
    count(how === 'asleep' ? 'machine asleep' : 'process suspended');
    this.disturb();
    this.#stoppedUntil = clock.now + ms;
    client.suspend();
    if (how === 'asleep') this.clock.fallAsleep();
    clock.set(
      'world',
      () => {
        this.goOn();
      },
      ms,
    );
  }

  goOn(): void {
    if (this.runs) return;
    this.#stoppedUntil = undefined;
    this.clock.wake();
    this.disturb();
    this.client.resume();
  }
}
