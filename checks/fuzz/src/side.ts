import { readOnly, withPrefix, type Capabilities, type ConfigStore } from '@holdfast/store';
import { Follower } from './follower.js';
import type { Names } from './names.js';
import { Translator, type Outcome } from './outcome.js';
import type { View } from './plan.js';

/** Much longer than any call takes on a busy machine. */
const MOST_MS = 30_000;

/** One of the two stores, with its views, its watches and its leases. */
export class Side {
  readonly store: ConfigStore;
  readonly names: Names;
  readonly followers = new Map<number, Follower>();
  /** The leases that the store chose the id of, in order. */
  readonly leases: string[] = [];
  readonly translator: Translator;
  readonly #views = new Map<string, ConfigStore>();

  constructor(store: ConfigStore, names: Names, shared: Capabilities) {
    this.store = store;
    this.names = names;
    this.translator = new Translator(names, (id) => this.#leaseName(id), shared);
  }

  view({ prefixes, readOnly: isReadOnly }: View): ConfigStore {
    const name = JSON.stringify([prefixes, isReadOnly]);
    let view = this.#views.get(name);
    if (view === undefined) {
      view = prefixes.reduce<ConfigStore>((store, prefix) => withPrefix(store, prefix), this.store);
      if (isReadOnly) view = readOnly(view);
      this.#views.set(name, view);
    }
    return view;
  }

  /**
   * Makes a call, and notes the leases that it brings. Never throws. What it gives is to be called when the revisions of the call are
   * known in common terms.
   */
  async call(view: View, method: string, args: readonly unknown[]): Promise<() => Outcome> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<() => Outcome>((resolve) => {
      timer = setTimeout(() => {
        resolve(() => ({ is: 'broken', how: `did not end in ${MOST_MS} ms` }));
      }, MOST_MS);
    });
    const call = invoke(this.view(view), method, args).then(
      (value) => this.#accept(method, args, value),
      (error: unknown) => () => this.translator.failure(error),
    );
    try {
      return await Promise.race([call, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  watch(id: number, view: View, args: readonly unknown[], patient: boolean): Follower {
    const store = this.view(view) as unknown as {
      watch: (...args: readonly unknown[]) => ReturnType<ConfigStore['watch']>;
    };
    const follower = new Follower(store.watch(...args), patient);
    this.followers.set(id, follower);
    return follower;
  }

  async closeWatches(): Promise<void> {
    await Promise.all([...this.followers.values()].map((follower) => follower.close()));
    this.followers.clear();
  }

  /** Ends the views, and with them their watches. The store stays open. */
  async close(): Promise<void> {
    await this.closeWatches();
    await Promise.all([...this.#views.values()].filter((view) => view !== this.store).map((view) => view.close()));
  }

  #accept(method: string, args: readonly unknown[], value: unknown): () => Outcome {
    const id = chosenLease(method, args, value);
    if (id !== undefined) this.leases.push(id);
    const comparable = method === 'leases.list' ? this.#leaseNames(value as readonly string[]) : plain(method, value);
    return () => this.translator.answer(comparable);
  }

  #leaseNames(ids: readonly string[]): readonly string[] {
    return ids.map((id) => this.#leaseName(id)).sort();
  }

  #leaseName(id: string): string {
    const nth = this.leases.indexOf(id);
    return nth === -1 ? id : `chosen id ${nth}`;
  }
}

function invoke(store: ConfigStore, method: string, args: readonly unknown[]): Promise<unknown> {
  const [name = '', inner] = method.split('.');
  const owner = (inner === undefined ? store : store.leases) as unknown as Record<
    string,
    (...args: unknown[]) => unknown
  >;
  const call = (): unknown => owner[inner ?? name]?.(...args);
  if (method === 'scan') return pages(call);
  // A call that throws instead of rejecting is broken.
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(new Error('the call threw instead of rejecting', { cause: error }));
  }
}

/** All pages of a scan as one: how many entries each has is up to the store. */
async function pages(scan: () => unknown): Promise<unknown> {
  const entries: unknown[] = [];
  const undecodable: unknown[] = [];
  let ends: unknown;
  for await (const page of scan() as ReturnType<ConfigStore['scan']>) {
    for (let i = 0; i < page.length; i += 1) {
      entries.push({
        key: page.key(i),
        value: page.value(i),
        modRevision: page.modRevision(i),
        createRevision: page.createRevision(i),
        version: page.version(i),
      });
    }
    undecodable.push(...page.undecodable);
    ends = { total: page.total, bookmark: page.bookmark, more: page.more };
  }
  return { entries, undecodable, ...(ends as object) };
}

/** The id that the store chose for a lease of this call, if it did. */
function chosenLease(method: string, args: readonly unknown[], value: unknown): string | undefined {
  if (method !== 'leases.grant' && method !== 'put') return undefined;
  const named = method === 'leases.grant' ? (args[1] as { id?: unknown } | undefined)?.id : undefined;
  const { id, lease } = value as { readonly id?: string; readonly lease?: string };
  return named === undefined ? (id ?? lease) : undefined;
}

/** What of an answer can be compared. */
function plain(method: string, value: unknown): unknown {
  switch (method) {
    case 'status': {
      const { revision, identity } = value as { readonly revision: unknown; readonly identity: unknown };
      return { revision, identity };
    }
    case 'leases.timeToLive': {
      // Time passes: all that can be said of what is left is that it is no more than was granted.
      const { ttl, grantedTtl, keys, ...rest } = value as { ttl: number; grantedTtl: number; keys?: readonly string[] };
      return { ...rest, grantedTtl, isLeft: ttl > 0 && ttl <= grantedTtl, keys: keys && [...keys].sort() };
    }
    default:
      return value;
  }
}
