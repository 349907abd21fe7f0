import { isStoreError, StoreError } from '@holdfast/store';
import type { EtcdCredentials } from '@holdfast/etcd-common';
import { checkCredentials } from '../options.js';

/**
 * The user of all requests, as HTTP basic authentication. Asked for once, and again when the server refuses it, so that
 * a password can change while the store lives; many refusals at once cost one question.
 */
export class Credentials {
  readonly #ask: (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  #header: string | undefined;
  #asking: Promise<string> | undefined;

  constructor(ask: (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined) {
    this.#ask = ask;
  }

  /** Whether `current` can be used without asking first. */
  get known(): boolean {
    return this.#ask === undefined || this.#header !== undefined;
  }

  /** The header that was given last; `undefined` where there is no user. */
  get current(): string | undefined {
    return this.#header;
  }

  /**
   * The header to send.
   *
   * @throws StoreError `unauthenticated` where the user's function fails or tells no user.
   */
  async header(): Promise<string | undefined> {
    return this.known ? this.#header : this.#renew();
  }

  /** After the server refused `used`: whether there is another header to try. */
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
      // What the function threw may hold anything, so it is kept as the cause and not repeated.
      const why = isStoreError(cause) ? cause.message : 'the function given as option auth failed';
      throw new StoreError('unauthenticated', `no user to authenticate with: ${why}`, {
        cause,
        // What fails now may work the next time: a watch waits for that.
        retryable: true,
      });
    }
  }
}
