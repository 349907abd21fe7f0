import type { Clock } from '@holdfast/store';

export interface AuthTokenOptions {
  /** Gets a new token; `undefined` where the server has authentication off. */
  readonly authenticate: () => Promise<string | undefined>;
  readonly clock: Clock;
}

/** Etcd's simple tokens live 300 s after their last use unless `--auth-token-ttl` says otherwise: renewed before that. */
const RENEW_AFTER_MS = 240_000;

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
        if (this.#options.clock.now() < state.renewAt) return state.token;
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
    const { authenticate, clock } = this.#options;
    const answer = authenticate().then(
      (token) => {
        const now = clock.now();
        this.#state = { status: 'have', token, renewAt: Math.min(now + RENEW_AFTER_MS, renewJwtAt(token, now)) };
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
}

/** A JWT says when it expires: it is renewed after four fifths of its life. */
function renewJwtAt(token: string | undefined, now: number): number {
  const payload = token?.split('.')[1];
  if (payload === undefined) return Infinity;
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? now + (exp * 1_000 - now) * 0.8 : Infinity;
  } catch {
    // A simple token has a dot too: `abcdef.17`. It is not a JWT, and says nothing of its life.
    return Infinity;
  }
}
