import {
  isStoreError,
  StoreError,
  type CallOptions,
  type ConfigStore,
  type Lease,
  type LeaseId,
  type Logger,
  type ValueInput,
} from '@holdfast/store';
import {
  abortable,
  checkStore,
  detached,
  invalidArgument,
  safeLogger,
  safeRandom,
  textOf,
  whenAborted,
  withDeadline,
} from '@holdfast/store/adapter';
import { checkCapabilities } from './capabilities.js';
import { tellEnded, tellOpened } from './channels.js';
import { campaign } from './elections/lead.js';
import type { Leadership } from './elections/leadership.js';
import { closedError, handled, sessionLost } from './errors.js';
import type { Held } from './locks/held.js';
import { lock, tryLock, withLock } from './locks/lock.js';
import { SessionContext } from './life/context.js';
import { Lifetime } from './life/lifetime.js';
import { renew } from './life/renewal.js';
import type { Session } from './session.js';
import { checkSessionClock, Elapsed, type SessionClock } from './util/elapsed.js';
import { checkCallOptions, withLimits } from './util/limits.js';

/** Options of {@link openSession}. `signal` and `timeoutMs` bound the opening only. */
export interface SessionOptions extends CallOptions {
  /**
   * Seconds, a whole number from 1 to 3,600. Default: 10. A server may grant more. It is also how long others wait for the locks of a process that died. Take
   * at least 3 where machines sleep and `os.uptime()` counts whole seconds: there a shorter sleep than two seconds may go unnoticed.
   */
  readonly ttl?: number | undefined;
  /** Default: the system's, with `os.uptime()`. */
  readonly clock?: SessionClock | undefined;
  /** Hears once of each key whose removal was refused, and of a lease that could not be revoked. Default: silent. */
  readonly logger?: Logger | undefined;
  /** Gives a number in [0, 1), for keys and delays. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const DEFAULT_TTL = 10;
const MAX_TTL = 3_600;
const CLOSE_MS = 5_000;
/** A lost session has no claim on its lease, and only tries to spare others the wait. */
const LOST_CLOSE_MS = 1_000;

/**
 * Opens a session: a lease that is kept alive, and the locks and elections under it.
 *
 * @throws StoreError `unsupported` before anything is sent, where the store has no transactions over several keys, leases or watches;
 * `invalid-argument`, and what the store says to the granting of a lease; `session-lost` where that took so long that the lease can't be counted on
 */
export async function openSession(store: ConfigStore, options: SessionOptions = {}): Promise<Session> {
  checkStore(store, 'openSession()');
  const limits = checkCallOptions(options, 'openSession()', ['ttl', 'clock', 'logger', 'random']) as CallOptions;
  const ttl = options.ttl === undefined ? DEFAULT_TTL : checkTtl(options.ttl);
  const clock = checkSessionClock(options.clock);
  const logger = safeLogger(options.logger);
  const random = safeRandom(options.random);
  checkCapabilities(store, 'openSession()', ['transactions', 'leases', 'watches']);
  const sentAt = new Elapsed(clock).now();
  const lease = await withLimits(limits, { clock, what: 'a lease' }, (signal) => grant(store, ttl, signal));
  // It lives for longer than the request that opens it.
  const life = detached(() => new Lifetime(clock, sentAt, lease.ttl));
  if (life.reason !== undefined) {
    void handled(store.leases.revoke(lease.id));
    throw sessionLost(`the store took more than two thirds of ${lease.ttl} s to grant the lease of the session`);
  }
  return new OpenSession(new SessionContext({ store, clock, random, logger, lease: lease.id, life }), lease, random);
}

/** A grant that was given up is revoked when its answer comes, so that no lease is left. */
async function grant(store: ConfigStore, ttl: number, signal: AbortSignal): Promise<Lease> {
  const granting = store.leases.grant(ttl);
  try {
    return await abortable(granting, signal);
  } catch (error) {
    granting.then((lease) => store.leases.revoke(lease.id)).catch(() => undefined);
    throw error;
  }
}

/** @throws StoreError `invalid-argument` */
function checkTtl(ttl: unknown): number {
  if (Number.isSafeInteger(ttl) && (ttl as number) >= 1 && (ttl as number) <= MAX_TTL) return ttl as number;
  throw invalidArgument(`ttl must be a whole number of seconds from 1 to ${MAX_TTL}, not ${textOf(ttl)}`);
}

class OpenSession implements Session {
  readonly lease: LeaseId;
  readonly ttl: number;
  readonly #context: SessionContext;
  #isRevoked = false;

  constructor(context: SessionContext, lease: Lease, random: () => number) {
    this.lease = lease.id;
    this.ttl = lease.ttl;
    this.#context = context;
    const { store, clock, life } = context;
    const told = { store: store.name, lease: lease.id, ttl: lease.ttl };
    tellOpened(told);
    whenAborted(life.signal, () => {
      tellEnded(told, life.signal.reason as StoreError);
    });
    const onRenewed = () => {
      void context.lookAtHistory();
    };
    void detached(() => renew({ store, lease, life, clock, random, onRenewed }));
  }

  get signal(): AbortSignal {
    return this.#context.life.signal;
  }

  check(): void {
    this.#context.life.check();
  }

  lock(name: string, options?: CallOptions): Promise<Held> {
    return lock(this.#context, name, options);
  }

  tryLock(name: string, options?: CallOptions): Promise<Held | undefined> {
    return tryLock(this.#context, name, options);
  }

  withLock<T>(name: string, work: (held: Held) => T | PromiseLike<T>, options?: CallOptions): Promise<T> {
    return withLock(this.#context, name, work, options);
  }

  campaign(name: string, value: ValueInput, options?: CallOptions): Promise<Leadership> {
    return campaign(this.#context, name, value, options);
  }

  async close(options?: CallOptions): Promise<void> {
    const limits = checkCallOptions(options, 'close()') as CallOptions;
    this.#context.life.end(closedError('the session was closed; open a new one'));
    if (this.#isRevoked) return;
    // It goes on where its caller gives up by the signal.
    const revoking = handled(this.#revoke(limits.timeoutMs));
    const { clock } = this.#context;
    const { signal: own } = limits;
    await withLimits({ signal: own }, { clock, what: 'the end of the session' }, (signal) =>
      abortable(revoking, signal),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.close();
    } catch (error) {
      this.#context.logger.warn(`lease ${this.lease} of a session could not be revoked; it runs out by itself`, {
        error,
      });
    }
  }

  /** Repeats it: to revoke a lease twice does no harm. */
  async #revoke(timeoutMs = CLOSE_MS): Promise<void> {
    const { store, clock, life } = this.#context;
    const isLost = isStoreError(life.reason, 'session-lost');
    const ms = isLost ? Math.min(timeoutMs, LOST_CLOSE_MS) : timeoutMs;
    const late = () =>
      new StoreError('timeout', `lease ${this.lease} was not revoked within ${ms} ms; it runs out by itself`);
    const revoke = (signal: AbortSignal) =>
      store.leases.revoke(this.lease, { signal }).catch((error: unknown) => {
        if (!isStoreError(error, 'lease-not-found')) throw error;
      });
    try {
      await withDeadline({ clock, ms, signal: undefined, late }, ({ signal }) => this.#context.insist(revoke, signal));
      this.#isRevoked = true;
    } catch (error) {
      if (!isLost) throw error;
    }
  }
}
