import { StoreError, type StoreAdapter, type StoreUrl } from '@holdfast/store';
import { etcdV2Store } from './etcd-store.js';
import type { EtcdV2Options } from './options.js';

/**
 * Opens `etcd-v2://user:password@host:2379,host2:2379/prefix` with `openStore`. The parameter `tls=true` secures the connections, with
 * the authorities that the system trusts. For anything else use {@link etcdV2Store}.
 */
export const etcdV2: StoreAdapter = {
  scheme: 'etcd-v2',
  open: (url) => etcdV2Store(toOptions(url)),
};

function toOptions({ endpoints, username, password, params }: StoreUrl): EtcdV2Options {
  if (endpoints.length === 0)
    throw invalid('an etcd-v2: URL names at least one host, such as etcd-v2://127.0.0.1:2379');
  const unknown = [...params.keys()].find((name) => name !== 'tls');
  if (unknown !== undefined) {
    throw invalid(
      `an etcd-v2: URL has no parameter ${JSON.stringify(unknown)}; it takes tls, and etcdV2Store() all options`,
    );
  }
  const tls = params.get('tls') ?? 'false';
  if (tls !== 'true' && tls !== 'false') throw invalid('the parameter tls of an etcd-v2: URL is true or false');
  if (username !== undefined && password === undefined)
    throw invalid('the etcd-v2: URL has a user name but no password');
  const scheme = tls === 'true' ? 'https' : 'http';
  return {
    endpoints: endpoints.map((endpoint) => `${scheme}://${endpoint}`),
    ...(username === undefined ? {} : { auth: { username, password: password ?? '' } }),
  };
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
