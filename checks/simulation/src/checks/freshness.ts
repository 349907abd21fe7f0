import { type HostOptions, LIVENESS_MS } from '../mirrors/host-options.js';
import type { OpenedMirror } from '../mirrors/opened-mirror.js';
import type { Observer } from './observer.js';
import type { Commit, Epoch } from '../truth/truth.js';

/**
 * A proof is due within a third of {@link LIVENESS_MS}. It waits a sixth for a watch that is being established, and its read, over a link that is
 * slow as well as cut, fails within a third.
 */
const NOTICE_MS = (LIVENESS_MS * 5) / 6;

/** A commit in a mirror's range, with its history. */
export interface OwnCommit {
  readonly commit: Commit;
  readonly epoch: Epoch;
}

/** Checks a mirror's statements about its age against the times of all commits in its range. */
export class Freshness {
  readonly #options: HostOptions;
  readonly #observer: Observer;
  readonly #commits: OwnCommit[] = [];
  states = 0;

  constructor(options: HostOptions, observer: Observer) {
    this.#options = options;
    this.#observer = observer;
  }

  note(commit: Commit, epoch: Epoch): void {
    this.#commits.push({ commit, epoch });
  }

  /** The last known commit of a history before a time. */
  lastBy(time: number, { head }: Epoch): OwnCommit | undefined {
    return this.#commits.findLast(({ commit }) => commit.at <= time && commit.revision <= head);
  }

  /**
   * A live mirror shows an outage at once where its watch has a connection to lose, and otherwise with its next read: an operator
   * must not have to wait until the last proof is too old.
   */
  #checkConnection({ state }: OpenedMirror['mirror']): void {
    const { clock, downSince, name, violated } = this.#options;
    const since = downSince();
    if (since === undefined || state.connection === 'interrupted' || clock.now - since < NOTICE_MS) return;
    violated('connection', `${name} says that it is connected, ${clock.now - since} ms after it was cut off`);
  }

  /** M1: a `live` mirror is complete as of `asOf`, and at most {@link LIVENESS_MS} old. */
  check(): void {
    const { opened } = this.#observer;
    if (opened === undefined) return;
    const { mirror } = opened;
    this.states += 1;
    if (mirror.state.status !== 'live') return;
    this.#checkConnection(mirror);
    const { clock, view, clocksJump, name, violated } = this.#options;
    // If the clock was set during a read, the read's age is unknown.
    this.#checkAsOf(clock.now - (clocksJump ? 2 : 1) * LIVENESS_MS, 'although its state is live');
    if (clocksJump) return;
    const asOf = mirror.asOf - view.offset;
    if (asOf < clock.now - LIVENESS_MS) violated('truthful', `${name} is live as of ${clock.now - asOf} ms ago`);
    this.#checkAsOf(asOf, `although it says so`);
  }

  /** Checks that the mirror shows everything that was committed before `time`. */
  #checkAsOf(time: number, how: string): void {
    const { opened } = this.#observer;
    if (opened === undefined) return;
    const { truth, name, violated, clock } = this.#options;
    const { bookmark } = opened.mirror;
    const epoch = truth.current;
    if (epoch.since >= time) return;
    const incomplete = () => `${name} is not complete as of ${clock.now - time} ms ago, ${how}`;
    if (!this.#observer.shows(epoch)) {
      violated(
        'truthful',
        `${incomplete()}: it shows another history, at ${bookmark.revision}; that began ${clock.now - epoch.since} ms ago`,
      );
      return;
    }
    const last = this.#commits.findLast(({ commit }) => commit.at < time);
    if (last !== undefined && last.epoch === epoch && bookmark.revision < last.commit.revision) {
      violated(
        'truthful',
        `${incomplete()}: it is at ${bookmark.revision}, and ${last.commit.revision} was committed ${clock.now - last.commit.at} ms ago`,
      );
    }
  }

  /** Whether the mirror is live and shows everything. */
  hasConverged(): boolean {
    const { opened, isOpen } = this.#observer;
    if (!isOpen || opened === undefined) return false;
    const epoch = this.#options.truth.current;
    const last = this.#commits.at(-1);
    const { mirror } = opened;
    return (
      mirror.state.status === 'live' &&
      mirror.state.connection === 'connected' &&
      this.#observer.isEqualTo(epoch) &&
      (last === undefined || last.epoch !== epoch || mirror.revision >= last.commit.revision)
    );
  }
}
