import { Metadata } from '@grpc/grpc-js';
import type { Clock } from '@holdfast/store';
import { abortable } from '@holdfast/store/adapter';
import type { IAuthenticateRequest } from 'etcd3';
import { AuthToken, isJwt } from './auth-token.js';
import type { ResolvedOptions } from '../options.js';

export interface AuthenticatorOptions extends Pick<ResolvedOptions, 'auth' | 'headers'> {
  readonly clock: Clock;
  /** Asks etcd for a token; `undefined` if authentication is off there. */
  readonly authenticate: (request: IAuthenticateRequest) => Promise<string | undefined>;
}

/** The user of a call. */
export interface Caller {
  readonly token: string | undefined;
  /** Whether the token is a JWT. Looked at once, and not for each call: it has to be parsed for that. */
  readonly isJwt: boolean;
  /** Shared by many calls, since gRPC copies it. Clone it before you change it. */
  readonly metadata: Metadata;
}

/** Gives calls their metadata: the headers from the options, and the token of the etcd user. */
export class Authenticator {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #token: AuthToken | undefined;
  readonly #auth: ResolvedOptions['auth'];
  /** The metadata of calls that need no user. */
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

  /** Whether there is a user, whose token can be renewed. */
  get hasUser(): boolean {
    return this.#token !== undefined;
  }

  /** @throws StoreError the failure of the authentication, or the signal's reason. */
  async caller(signal: AbortSignal | undefined): Promise<Caller> {
    if (this.#token === undefined) return this.anonymous;
    const token = await abortable(this.#token.get(), signal);
    if (this.#last.token !== token) this.#last = this.#callerWith(token);
    return this.#last;
  }

  /** The user of the last call, with its token: available without asking for a new one. */
  get latest(): Caller {
    return this.#last;
  }

  /** The name and password for a new token; `undefined` if there is no user. @throws StoreError `unauthenticated`. */
  async credentials(): Promise<IAuthenticateRequest | undefined> {
    return this.#auth === undefined ? undefined : credentialsOf(this.#auth);
  }

  /** Drops the token, or only the one with which a call failed. */
  drop(used?: Caller): void {
    this.#token?.drop(used);
  }

  /**
   * A call met a change of users or roles. Drops the token if the change made it invalid. That is true of a JWT only: etcd looks simple
   * tokens up, so the same one is valid the next time.
   */
  dropStale(used: Caller): void {
    if (used.isJwt) this.drop(used);
  }

  #callerWith(token: string | undefined): Caller {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    if (token !== undefined) metadata.set('token', token);
    return { token, isJwt: isJwt(token), metadata };
  }
}

async function credentialsOf(auth: NonNullable<ResolvedOptions['auth']>): Promise<IAuthenticateRequest> {
  const { username, password } = await auth();
  return { name: username, password };
}
