import type { Clock } from '@holdfast/store';
import { monotonicMs } from '@holdfast/store/adapter';

export interface AuthTokenOptions {
  /** Gets a new token; `undefined` if authentication is off at the server. */
  readonly authenticate: () => Promise<string | undefined>;
  readonly clock: Clock;
}

/** etcd's simple tokens live for 300 s after their last use by default (`--auth-token-ttl`). They are renewed before that. */
const RENEW_AFTER_MS = 240_000;
/** The part of a JWT's life for which it is used. */
const USED_PART = 0.8;
/** A new token is used for at least this long, in milliseconds, even if this process's clock says that it has expired. */
const LEAST_MS = 30_000;

type State =
  | { readonly status: 'none' }
  | { readonly status: 'asking'; readonly answer: Promise<string | undefined> }
  | { readonly status: 'have'; readonly token: string | undefined; readonly renewAt: number };

/**
 * The user's token. It is fetched when first needed, and renewed before it expires and whenever the server calls it invalid. All waiting
 * calls share one authentication, because each costs the server a bcrypt hash.
 */
export class AuthToken {
  readonly #options: AuthTokenOptions;
  #state: State = { status: 'none' };

  constructor(options: AuthTokenOptions) {
    this.#options = options;
  }

  /** @throws StoreError the failure of the authentication; the next call tries again. */
  async get(): Promise<string | undefined> {
    const state = this.#state;
    switch (state.status) {
      case 'have':
        if (this.#now() < state.renewAt) return state.token;
        return this.#ask();
      case 'asking':
        return state.answer;
      case 'none':
        return this.#ask();
      default:
        return state satisfies never;
    }
  }

  /** Drops the token. With `used`, only if that is still the current one: another failed call may already have renewed it. */
  drop(used?: { readonly token: string | undefined }): void {
    if (this.#state.status === 'have' && (used === undefined || used.token === this.#state.token)) {
      this.#state = { status: 'none' };
    }
  }

  #ask(): Promise<string | undefined> {
    const answer = this.#options.authenticate().then(
      (token) => {
        this.#state = { status: 'have', token, renewAt: this.#now() + this.#usableMs(token) };
        return token;
      },
      (error: unknown) => {
        this.#state = { status: 'none' };
        throw error;
      },
    );
    this.#state = { status: 'asking', answer };
    return answer;
  }

  /** How long to use a token after its receipt, in milliseconds. The server refuses expired tokens anyway. */
  #usableMs(token: string | undefined): number {
    const claims = claimsOf(token);
    if (claims === undefined) return RENEW_AFTER_MS;
    const { iat, exp } = claims;
    if (typeof exp !== 'number') return RENEW_AFTER_MS;
    // If the token says when it was made, only the server's clock matters. etcd's own tokens don't say it.
    if (typeof iat === 'number' && exp > iat) return (exp - iat) * 1_000 * USED_PART;
    // By this process's clock. If it is ahead, a new token seems to have little or no life left; if it is behind, too much.
    const leftMs = (exp * 1_000 - this.#options.clock.now()) * USED_PART;
    return Math.min(Math.max(leftMs, LEAST_MS), RENEW_AFTER_MS);
  }

  #now(): number {
    const { clock } = this.#options;
    return monotonicMs(clock);
  }
}

/** Whether a token is a JWT, which names its user itself. */
export function isJwt(token: string | undefined): boolean {
  return claimsOf(token) !== undefined;
}

/** The claims of a JWT. */
function claimsOf(token: string | undefined): { readonly exp?: unknown; readonly iat?: unknown } | undefined {
  const parts = token?.split('.') ?? [];
  // A simple token has a dot too: `abcdef.17`. It is not a JWT, and does not show its life.
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
}
