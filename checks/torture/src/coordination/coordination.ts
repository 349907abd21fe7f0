import { nothingLeft } from '@holdfast/locks/judging';
import type { StoreErrorCode } from '@holdfast/store';
import { eventually, type Random, type Violation } from '@holdfast/testkit';
import { CallFailures } from '../call-failures.js';
import { Contender, type ContenderOptions } from './contender.js';
import { holdfast, namesBelow, type Ground, type Implementation, type Names } from './ground.js';
import { judge } from './judge.js';
import { LeaseClock } from './lease-clock.js';
import { Observer } from './observer.js';
import { Tape } from './tape.js';

export interface CoordinationOptions {
  /** Default: Holdfast's. */
  readonly implementation?: Implementation | undefined;
  /** Of those on the store under test, in seconds. Default: the least that etcd grants, and more. */
  readonly ttls?: readonly number[] | undefined;
  /** How long those on the store under test hold what they get. Default: now so, now so. */
  readonly holdMs?: number | undefined;
  /** How long what must come about may take at last, in milliseconds. Only what never comes about waits for so long. */
  readonly patienceMs?: number | undefined;
}

/** What coordinators have done. */
export interface CoordinationCounts {
  readonly sessions: number;
  readonly sessionsLost: number;
  readonly acquisitions: number;
  readonly writes: number;
  /** Leaders that observers were told. */
  readonly observed: number;
  readonly robbed: number;
  readonly setAside: number;
}

const TTLS = [2, 3, 5];
/** A busy machine must not lose it. */
const COMPETITOR_TTL = 10;
const PATIENCE_MS = 30_000;
const BEGIN_MS = 5_000;
const SOON_MS = 3_000;
const LOOK = { intervalMs: 25 };
/** Longer than a call may take that a fault holds up. */
const PAUSE_MS = 2_000;

/**
 * Sessions, locks and elections that go on through a fault: three processes on the store under test, an honest competitor past all faults, and two
 * observers. Then everybody is served, everything is closed, and what everybody was told is compared with what really happened.
 */
export class Coordination {
  readonly #ground: Ground;
  readonly #names: Names;
  /** Keys that stand in a queue only because the store is a copy. */
  #leftInCopy = 0;
  readonly #patience: { readonly timeoutMs: number; readonly intervalMs: number };
  readonly tape = new Tape();
  readonly #failures = new CallFailures();
  readonly #contenders: readonly Contender[];
  readonly #observers: readonly Observer[];
  readonly #firstEpoch: number;
  readonly #after: number;
  #violations: Violation[] = [];

  /** Resolves when all have begun: each was served once. */
  static async start(ground: Ground, random: Random, options: CoordinationOptions = {}): Promise<Coordination> {
    const { truth } = ground;
    await truth.catchUp();
    truth.goOn();
    const coordination = new Coordination(ground, random, options);
    try {
      await coordination.#begun();
    } catch (error) {
      await coordination.stop();
      throw error;
    }
    return coordination;
  }

  private constructor(
    ground: Ground,
    random: Random,
    { implementation = holdfast, patienceMs = PATIENCE_MS, holdMs, ttls = TTLS }: CoordinationOptions,
  ) {
    const { prefix, truth, tested, direct } = ground;
    this.#ground = ground;
    this.#names = namesBelow(prefix);
    this.#patience = { ...LOOK, timeoutMs: patienceMs };
    this.#firstEpoch = truth.epoch.index;
    this.#after = truth.epoch.to;
    const contender = (
      who: string,
      store: Ground['tested'],
      own: Pick<ContenderOptions, 'ttl' | 'holdMs' | 'implementation'>,
    ) => {
      const leases = new LeaseClock();
      return new Contender({
        who,
        store: leases.around(store),
        leases,
        ...own,
        names: this.#names,
        random: random.fork(),
        tape: this.tape,
        epoch: () => truth.epoch.index,
        failures: this.#failures,
      });
    };
    this.#contenders = [
      ...ttls.map((ttl, index) => contender(`process ${index}`, tested, { ttl, holdMs, implementation })),
      contender('competitor', direct, { ttl: COMPETITOR_TTL, holdMs: undefined, implementation: holdfast }),
    ];
    this.#observers = [this.#names.election, this.#names.locks[0]].map(
      (name) => new Observer({ name, store: tested, implementation, failures: this.#failures }),
    );
  }

  get counts(): Omit<CoordinationCounts, 'robbed' | 'setAside'> {
    const sessions = this.#sessions;
    return {
      sessions: sessions.length,
      sessionsLost: sessions.filter(({ isLost }) => isLost).length,
      acquisitions: this.tape.grips.length,
      writes: this.tape.moments.filter(({ what }) => what === 'write').length,
      observed: this.#observers.reduce((sum, { told }) => sum + told, 0),
    };
  }

  /** Who stands in a queue now. */
  get waiting(): readonly string[] {
    return this.#contenders.filter(({ waitsFor }) => waitsFor !== undefined).map(({ who }) => who);
  }

  /** Nobody asks for anything new until `resume()`. What is held or waited for stays so. */
  async pause(): Promise<void> {
    await Promise.all(this.#contenders.map((contender) => contender.pause(PAUSE_MS)));
  }

  resume(): void {
    for (const contender of this.#contenders) contender.resume();
  }

  /**
   * To be called when all faults are over. Everybody is told what it lost, is served in turn, and leaves nothing behind; then all is judged.
   *
   * @param allowed how calls may have failed
   */
  async finish(
    allowed: readonly StoreErrorCode[],
  ): Promise<{ readonly violations: readonly Violation[]; readonly counts: CoordinationCounts }> {
    this.resume();
    await this.#expectTold();
    await this.#expectGone();
    if (await this.#expectServed()) await this.#expectQueuesEmpty();
    await this.#close();
    await this.#expectNothingLeft();
    const { truth } = this.#ground;
    await truth.catchUp();
    truth.goOn();
    const verdict = await this.#judged();
    this.#violations.push(...verdict.violations, ...this.#failures.take('outcome', 'call of a coordinator', allowed));
    await this.stop();
    const { robbed, setAside } = verdict;
    return { violations: this.#violations, counts: { ...this.counts, robbed, setAside: setAside + this.#leftInCopy } };
  }

  /** Ends everything at once. May be called again. */
  async stop(): Promise<void> {
    await Promise.all([this.#stopContenders(), ...this.#observers.map((observer) => observer.stop())]);
  }

  async #stopContenders(): Promise<void> {
    await Promise.all(this.#contenders.map((contender) => contender.stop()));
  }

  get #sessions() {
    return this.#contenders.flatMap(({ sessions }) => sessions);
  }

  #violated(guarantee: string, messages: readonly string[]): void {
    for (const message of messages) this.#violations.push({ guarantee, message });
  }

  async #begun(): Promise<void> {
    const hasBegun = ({ who }: Contender) => this.tape.grips.some(({ owner }) => owner.who === who);
    await eventually(() => this.#contenders.every(hasBegun) && this.#observers.every(({ told }) => told > 0), {
      ...LOOK,
      timeoutMs: BEGIN_MS,
      // On a machine that is too busy for leases of two seconds the fault meets who is there.
    }).catch(() => undefined);
  }

  /** Whoever lost its key is told. */
  async #expectTold(): Promise<void> {
    let wrong: string[] = [];
    await eventually(async () => {
      const open = this.tape.open;
      const { entries, identity } = await this.#ground.held(this.#ground.prefix);
      const isThere = ({ held: { key, token } }: (typeof open)[number]) =>
        entries.get(key)?.createRevision === token.revision && identity === token.identity;
      const stillOpen = this.tape.open;
      const late = open.filter((grip) => stillOpen.includes(grip) && !isThere(grip) && this.#canTell(grip));
      wrong = late.map(({ who, name, held }) => `${who} was never told that it lost ${name} by ${held.token.revision}`);
      return late.length === 0;
    }, this.#patience).catch(() => {
      this.#violated('told', wrong);
    });
  }

  /** A store that goes back under its old identity can overtake what its clients knew: nobody can tell that. */
  #canTell({
    epoch,
    held,
  }: {
    readonly epoch: number;
    readonly held: { readonly token: { readonly identity: string } };
  }): boolean {
    const { truth } = this.#ground;
    return epoch === truth.epoch.index || held.token.identity !== truth.epoch.identity;
  }

  async #expectServed(): Promise<boolean> {
    const ending = Promise.all(this.#contenders.map((contender) => contender.finish()));
    let isEnded = false;
    void ending.then(() => (isEnded = true));
    try {
      await eventually(() => isEnded, this.#patience);
      return true;
    } catch {
      const waiting = this.#contenders.filter(({ waitsFor }) => waitsFor !== undefined);
      this.#violated(
        'served',
        waiting.map(({ who, waitsFor }) => `${who} waits for ${waitsFor ?? ''}, and nobody else wants it`),
      );
      await this.#stopContenders();
      return false;
    }
  }

  /** A session of a history that is gone is lost, and says so. */
  async #expectGone(): Promise<void> {
    const { truth } = this.#ground;
    let wrong: string[] = [];
    await eventually(async () => {
      const leases = await this.#ground.leases();
      const { index, identity } = truth.epoch;
      const late = this.#sessions.filter((open) => {
        if (open.isOver || !open.hasHeld || open.epoch === index) return false;
        // Of a copy of the store, with what the session has in it: as if it had gone on there.
        const wasIdentity = truth.epochs[open.epoch]?.identity;
        return wasIdentity !== identity || !leases.has(BigInt(open.session.lease).toString());
      });
      wrong = late.map(
        ({ who, session }) =>
          `${who} has a session of a history that is gone, with lease ${session.lease}, and is not told`,
      );
      return late.length === 0;
    }, this.#patience).catch(() => {
      this.#violated('gone', wrong);
    });
    const silent = this.#sessions.filter(({ isOver, isLost, isClosed }) => isOver && !isLost && !isClosed);
    this.#violated(
      'gone',
      silent.map(({ who, session }) => `${who} lost its session and was told ${String(session.signal.reason)}`),
    );
  }

  /** Nobody waits any more: no candidate is left, although the sessions live. */
  async #expectQueuesEmpty(): Promise<void> {
    let keys: string[] = [];
    await eventually(async () => {
      const { entries } = await this.#ground.held(this.#ground.prefix);
      const there = [...entries.keys()].filter((key) => !key.includes('.given-up-'));
      keys = there.filter((key) => !this.#isOfCopy(key));
      this.#leftInCopy = there.length - keys.length;
      return keys.length === 0;
    }, this.#patience).catch(() => {
      this.#violated('left', nothingLeft({ happenings: [], left: keys }));
    });
  }

  /**
   * Whether a key is of a session that goes on in a copy of the store, under its old identity: what it gave back after the copy was made is there again,
   * and nobody can tell. It is gone with the session.
   */
  #isOfCopy(key: string): boolean {
    const { epoch, epochs } = this.#ground.truth;
    return this.#sessions.some(
      (open) =>
        open.epoch !== epoch.index &&
        epochs[open.epoch]?.identity === epoch.identity &&
        key.includes(`/${BigInt(open.session.lease).toString(16)}-`),
    );
  }

  async #close(): Promise<void> {
    const open = this.#sessions.filter(({ isClosed }) => !isClosed);
    const failures = await Promise.allSettled(open.map((each) => each.close()));
    for (const failure of failures) if (failure.status === 'rejected') this.#failures.add(failure.reason);
  }

  /** All sessions are closed: no key is left. */
  async #expectNothingLeft(): Promise<void> {
    let keys: string[] = [];
    await eventually(async () => {
      keys = [...(await this.#ground.held(this.#ground.prefix)).entries.keys()];
      return keys.length === 0;
    }, this.#patience).catch(() => {
      this.#violated('left', nothingLeft({ happenings: [], left: keys }));
    });
  }

  /** Observers may take a moment to learn what was last. */
  async #judged(): Promise<ReturnType<typeof judge>> {
    const { truth } = this.#ground;
    const epochs = truth.epochs.slice(this.#firstEpoch) as [(typeof truth.epochs)[number]];
    const evidence = { names: this.#names, tape: this.tape, observers: this.#observers, epochs, after: this.#after };
    let verdict = judge(evidence);
    const until = (isSettled: () => boolean, timeoutMs: number) =>
      eventually(
        () => {
          verdict = judge(evidence);
          return isSettled();
        },
        { timeoutMs, intervalMs: 100 },
      ).catch(() => undefined);
    const isTrue = () => !verdict.violations.some(({ guarantee }) => guarantee === 'observed');
    // What nobody can tell comes out right most times.
    await until(() => isTrue() && verdict.setAside === 0, Math.min(this.#patience.timeoutMs, SOON_MS));
    await until(isTrue, this.#patience.timeoutMs);
    return verdict;
  }
}
