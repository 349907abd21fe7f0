import type { EtcdCredentials } from '@holdfast/etcd-common';

/**
 * The user of all requests, as HTTP basic authentication. The user's function is called once, and again when the server refuses the user, so
 * that passwords can change. Simultaneous refusals share one call.
 */
export class Credentials {
  readonly #ask: (() => Promise<EtcdCredentials>) | undefined;
  #header: string | undefined;
  #asking: Promise<string> | undefined;

  constructor(ask: (() => Promise<EtcdCredentials>) | undefined) {
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
    return this.#ask === undefined || this.known ? this.#header : this.#renew(this.#ask);
  }

  /** Call it after the server refused `used`. @returns whether there is another header to try */
  async renew(used: string | undefined): Promise<boolean> {
    if (this.#ask === undefined) return false;
    if (this.#header !== used) return true;
    return (await this.#renew(this.#ask)) !== used;
  }

  #renew(ask: () => Promise<EtcdCredentials>): Promise<string> {
    this.#asking ??= this.#askOnce(ask).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(ask: () => Promise<EtcdCredentials>): Promise<string> {
    const { username, password } = await ask();
    this.#header = `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
    return this.#header;
  }
}
