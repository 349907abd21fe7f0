import type { AdapterOpenOptions, ConfigStore, ConfigurableAdapter } from '@holdfast/store';
import { invalidArgument } from '@holdfast/store/adapter';
import { toOptions, type EtcdAdapterOptions } from './adapter-url.js';
import type { EtcdOptions } from './options.js';

/** What an etcd adapter has of its own. */
export interface EtcdAdapterParts<Options extends EtcdOptions> {
  readonly scheme: string;
  /** The adapter's exported name, for messages. */
  readonly name: string;
  readonly open: (options: Options) => ConfigStore;
  /** @throws StoreError `invalid-argument` if a store could not be opened with the options, whatever the endpoints are. */
  readonly check: (options: Options) => unknown;
}

/** An adapter that opens etcd by URL, and takes all options of its stores but the endpoints, which are in the URL. */
export function etcdAdapter<Options extends EtcdOptions>(
  parts: EtcdAdapterParts<Options>,
  own: EtcdAdapterOptions<Options> = {} as EtcdAdapterOptions<Options>,
): ConfigurableAdapter<EtcdAdapterOptions<Options>> {
  const { scheme, name } = parts;
  const taker = `${name}.with()`;
  return {
    scheme,
    open: (url, common: AdapterOpenOptions) => parts.open(toOptions(url, own, common, taker) as unknown as Options),
    with: (options) => {
      checkOptions(options, taker, scheme);
      const merged = { ...own, ...options };
      // Now, where the mistake is, and not when a URL is opened.
      parts.check({
        ...merged,
        endpoints: [merged.tls === undefined ? 'http://127.0.0.1' : 'https://127.0.0.1'],
      } as unknown as Options);
      return etcdAdapter(parts, merged);
    },
  };
}

function checkOptions(options: unknown, taker: string, scheme: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgument(`${taker} takes an object with options, such as { tls, auth }`);
  }
  if ('endpoints' in options)
    throw invalidArgument(`${taker} takes no endpoints: they are in the URL, ${scheme}://host:2379`);
}
