import { Metadata } from '@grpc/grpc-js';
import { isStoreError, StoreError, type Clock } from '@holdfast/store';
import type { IAuthenticateRequest } from 'etcd3';
import { AuthToken, isJwt } from './auth-token.js';
import { checkCredentials, type ResolvedOptions } from '../options.js';

export interface AuthenticatorOptions extends Pick<ResolvedOptions, 'auth' | 'headers'> {
  readonly clock: Clock;
  /** Asks etcd for a token; `undefined` where it has authentication off. */
  readonly authenticate: (request: IAuthenticateRequest) => Promise<string | undefined>;
}

/** In whose name a call is made. */
export interface Caller {
  readonly token: string | undefined;
  /** Shared by many calls, since gRPC copies what it is given: to be cloned before it is changed. */
  readonly metadata: Metadata;
}

/** Gives calls their metadata: the headers that the user wants, and the token of the user that etcd knows. */
export class Authenticator {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #token: AuthToken | undefined;
  readonly #auth: ResolvedOptions['auth'];
  /** What calls carry that need no user. */
  readonly anonymous: Caller;
  #last: Caller;

  constructor({ auth, headers, clock, authenticate }: AuthenticatorOptions) {
    this.#headers = headers;
    this.#auth = auth;
    this.anonymous = this.#last = this.#callerWith(undefined);
    if (auth === undefined) return;
    const ask = async (): Promise<string | undefined> => authenticate(await credentialsOf(auth));
    this.#token = new AuthToken({ authenticate: ask, clock });
  }

  /** Whether there is a user at all, whose token can be renewed. */
  get hasUser(): boolean {
    return this.#token !== undefined;
  }

  /** @throws StoreError what authenticating ended with, or the signal's reason. */
  async caller(signal: AbortSignal | undefined): Promise<Caller> {
    if (this.#token === undefined) return this.anonymous;
    const token = await abortable(this.#token.get(), signal);
    if (this.#last.token !== token) this.#last = this.#callerWith(token);
    return this.#last;
  }

  /** Who the last call was made for: what there is without asking for a new token. */
  get latest(): Caller {
    return this.#last;
  }

  /** What etcd is asked with for a token; `undefined` where there is no user. @throws StoreError `unauthenticated`. */
  async credentials(): Promise<IAuthenticateRequest | undefined> {
    return this.#auth === undefined ? undefined : credentialsOf(this.#auth);
  }

  /** Drops the token, or only the one that a call has used in vain. */
  drop(used?: Caller): void {
    this.#token?.drop(used);
  }

  /**
   * A call has met a change of users or roles. Drops the token if that made it old, as it does a JWT: etcd looks simple
   * ones up, so that the same one is good the next time.
   */
  dropStale(used: Caller): void {
    if (isJwt(used.token)) this.drop(used);
  }

  #callerWith(token: string | undefined): Caller {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    if (token !== undefined) metadata.set('token', token);
    return { token, metadata };
  }
}

async function credentialsOf(auth: NonNullable<ResolvedOptions['auth']>): Promise<IAuthenticateRequest> {
  try {
    const { username, password } = checkCredentials(await auth());
    return { name: username, password };
  } catch (cause) {
    // What the function threw may hold anything, so it is kept as the cause and not repeated.
    const why = isStoreError(cause) ? cause.message : 'the function given as option auth failed';
    // What fails now may work the next time: a watch waits for that.
    throw new StoreError('unauthenticated', `no user to authenticate with: ${why}`, { cause, retryable: true });
  }
}

/** One caller's wait for what others wait for as well: its abort ends the wait, not the work. */
export async function abortable<T>(waiting: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return waiting;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([waiting, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
