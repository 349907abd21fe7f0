import { startEtcd, startProxy, type Etcd, type Proxy, type StartEtcdOptions } from '@holdfast/testkit';
import { etcdV2Store, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { Pool } from 'undici';

export { briefly, follow, Follower } from '../../../etcd-common/test/support/follower.js';

/** An answer of the keys API, as it came. */
export interface RawAnswer {
  readonly status: number;
  /** `X-Etcd-Index`. */
  readonly index: number;
  readonly body: string;
}

/** A real etcd that serves the v2 API, with a hand on the wire and one on the API itself. */
export class World implements AsyncDisposable {
  readonly etcd: Etcd;
  readonly #pool: Pool;
  readonly #owned: AsyncDisposable[] = [];

  static async start(version: string, options: StartEtcdOptions = {}): Promise<World> {
    return new World(await startEtcd({ version, enableV2: true, ...options }));
  }

  private constructor(etcd: Etcd) {
    this.etcd = etcd;
    this.#pool = new Pool(etcd.endpoints[0] ?? '', { pipelining: 1 });
  }

  /** A store on the first member, or on what the options name. */
  open(options: Partial<EtcdV2Options> = {}): EtcdV2Store {
    const store = etcdV2Store({
      endpoints: this.etcd.endpoints.slice(0, 1),
      retry: { initialMs: 20, maxMs: 200 },
      ...options,
    });
    this.#owned.push(store);
    return store;
  }

  /** A proxy in front of a member. */
  async proxy(member = 0): Promise<Proxy> {
    const proxy = await startProxy(this.etcd.endpoints[member] ?? '');
    this.#owned.push(proxy);
    return proxy;
  }

  /** Calls the keys API past the adapter, at the first member. `path` is below `/v2/keys`, with its query. */
  async raw(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    form?: Record<string, string>,
  ): Promise<RawAnswer> {
    const { statusCode, headers, body } = await this.#pool.request({
      method,
      path: `/v2/keys${path}`,
      ...(form && {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      }),
    });
    return { status: statusCode, index: Number(headers['x-etcd-index']), body: await body.text() };
  }

  /** Writes as many keys as told, `lanes` at a time, past the adapter; with a pause after every hundredth. */
  async burst(count: number, key: (index: number) => string, lanes = 16, pauseMs = 0): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        const index = next++;
        await this.raw('PUT', `${key(index)}?noValueOnSuccess=true`, { value: String(index) });
        if (pauseMs > 0 && index % 100 === 99) await new Promise((resolve) => setTimeout(resolve, pauseMs * lanes));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  /** How many watchers the first member has. */
  async watchers(): Promise<number> {
    const { body } = await this.#pool.request({ method: 'GET', path: '/v2/stats/store' });
    return ((await body.json()) as { watchers: number }).watchers;
  }

  /** Ends what a test opened. */
  async tidy(): Promise<void> {
    for (const owned of this.#owned.splice(0).reverse()) await owned[Symbol.asyncDispose]();
  }

  async close(): Promise<void> {
    await this.tidy();
    await this.#pool.destroy();
    await this.etcd.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
