import type { Clock } from '@holdfast/store';
import { Backoff } from '@holdfast/store/adapter';

/** How long an endpoint is avoided after a failure, at first and at most, in milliseconds. It doubles each time. */
const UNHEALTHY_MS = { initialMs: 500, maxMs: 15_000 };

/** How an endpoint has been lately. */
export class EndpointHealth {
  readonly #clock: Clock;
  readonly #penalty: Backoff;
  #avoidUntil = 0;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#penalty = new Backoff({ ...UNHEALTHY_MS, random });
  }

  /** Whether it has not failed lately. */
  get isGood(): boolean {
    const leftMs = this.#avoidUntil - this.#clock.now();
    // Longer than the maximum: the wall clock was set back.
    return leftMs <= 0 || leftMs > UNHEALTHY_MS.maxMs;
  }

  /** When a failed endpoint may be preferred again, in milliseconds since the epoch. */
  get avoidUntil(): number {
    return this.#avoidUntil;
  }

  failed(): void {
    this.#avoidUntil = this.#clock.now() + this.#penalty.next();
  }

  answered(): void {
    if (this.#avoidUntil === 0) return;
    this.#avoidUntil = 0;
    this.#penalty.reset();
  }
}

/**
 * Endpoints in the order in which a call tries them: healthy ones before those that failed lately, the preferred one before its
 * followers, and those that `isAvoided` names last.
 */
export function byPreference<Endpoint extends { readonly health: EndpointHealth }>(
  endpoints: readonly Endpoint[],
  preferred: Endpoint | undefined,
  isAvoided: (endpoint: Endpoint) => boolean,
): Endpoint[] {
  const rank = (endpoint: Endpoint): number =>
    (isAvoided(endpoint) ? 4 : 0) + (endpoint.health.isGood ? 0 : 2) + (endpoint === preferred ? 0 : 1);
  const from = Math.max(0, preferred === undefined ? 0 : endpoints.indexOf(preferred));
  return [...endpoints.slice(from), ...endpoints.slice(0, from)].sort(
    (a, b) => rank(a) - rank(b) || a.health.avoidUntil - b.health.avoidUntil,
  );
}
