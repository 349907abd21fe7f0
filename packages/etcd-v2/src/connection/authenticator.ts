import { isStoreError, StoreError } from '@holdfast/store';
import type { EtcdCredentials } from '@holdfast/etcd-common';
import { checkCredentials } from '../options.js';

/**
 * The user of all requests, as HTTP basic authentication. The user's function is called once, and again when the server refuses the user, so
 * that passwords can change. Simultaneous refusals share one call.
 */
export class Credentials {
  readonly #ask: (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  #header: string | undefined;
  #asking: Promise<string> | undefined;

  constructor(ask: (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined) {
    this.#ask = ask;
  }

  /** Whether `current` can be used without calling the function first. */
  get known(): boolean {
    return this.#ask === undefined || this.#header !== undefined;
  }

  /** The last header; `undefined` if there is no user. */
  get current(): string | undefined {
    return this.#header;
  }

  /**
   * The header to send.
   *
   * @throws StoreError `unauthenticated` if the user's function fails or returns no user.
   */
  async header(): Promise<string | undefined> {
    return this.known ? this.#header : this.#renew();
  }

  /** Call it after the server refused `used`. @returns whether there is another header to try */
  async renew(used: string | undefined): Promise<boolean> {
    if (this.#ask === undefined) return false;
    if (this.#header !== used) return true;
    return (await this.#renew()) !== used;
  }

  #renew(): Promise<string> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<string> {
    try {
      const { username, password } = checkCredentials(await this.#ask?.());
      this.#header = `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
      return this.#header;
    } catch (cause) {
      // The function's error may hold secrets, so it is kept as the cause and not repeated.
      const why = isStoreError(cause) ? cause.message : 'the function given as option auth failed';
      throw new StoreError('unauthenticated', `no user to authenticate with: ${why}`, {
        cause,
        // It may work the next time: a watch waits for that.
        retryable: true,
      });
    }
  }
}
