import type { Clock } from '@holdfast/store';

export interface AuthTokenOptions {
  /** Gets a new token; `undefined` where the server has authentication off. */
  readonly authenticate: () => Promise<string | undefined>;
  readonly clock: Clock;
}

/** Etcd's simple tokens live 300 s after their last use unless `--auth-token-ttl` says otherwise: renewed before that. */
const RENEW_AFTER_MS = 240_000;
/** Of a JWT's life, the part that it is used for. */
const USED_PART = 0.8;
/** A token that was just received is used for so long at least, in milliseconds, whatever this process's clock says of it. */
const LEAST_MS = 30_000;

type State =
  | { readonly status: 'none' }
  | { readonly status: 'asking'; readonly answer: Promise<string | undefined> }
  | { readonly status: 'have'; readonly token: string | undefined; readonly renewAt: number };

/**
 * The user's token: got when first needed, renewed before it gets old and whenever the server calls it invalid, by one
 * authentication however many calls wait for it (each costs the server a bcrypt hash).
 */
export class AuthToken {
  readonly #options: AuthTokenOptions;
  #state: State = { status: 'none' };

  constructor(options: AuthTokenOptions) {
    this.#options = options;
  }

  /** @throws StoreError whatever authenticating ended with; the next call tries again. */
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

  /** Drops the token. With `used` only if that is the current one: the first of many failed calls has renewed it. */
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

  /** How long to use a token from its receipt on, in milliseconds. What is used for too long the server refuses. */
  #usableMs(token: string | undefined): number {
    const claims = claimsOf(token);
    if (claims === undefined) return RENEW_AFTER_MS;
    const { iat, exp } = claims;
    if (typeof exp !== 'number') return RENEW_AFTER_MS;
    // By the server's clock alone, where the token says when it was made. Etcd's own don't.
    if (typeof iat === 'number' && exp > iat) return (exp - iat) * 1_000 * USED_PART;
    // By this one. Where it is ahead, little or nothing is left of a token that was just received; where it is behind, too much.
    const leftMs = (exp * 1_000 - this.#options.clock.now()) * USED_PART;
    return Math.min(Math.max(leftMs, LEAST_MS), RENEW_AFTER_MS);
  }

  #now(): number {
    const { clock } = this.#options;
    return clock.monotonic?.() ?? clock.now();
  }
}

/** Whether a token is one that says itself whom it is for. */
export function isJwt(token: string | undefined): boolean {
  return claimsOf(token) !== undefined;
}

/** What a JWT says. */
function claimsOf(token: string | undefined): { readonly exp?: unknown; readonly iat?: unknown } | undefined {
  const parts = token?.split('.') ?? [];
  // A simple token has a dot too: `abcdef.17`. It is not a JWT, and says nothing of its life.
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
}
