import { StoreError, type StoreAdapter, type StoreUrl } from '@holdfast/store';
import { etcdV3Store } from './etcd-store.js';
import type { EtcdV3Options } from './options.js';

/**
 * Opens `etcd-v3://user:password@host:2379,host2:2379/prefix` with `openStore`. The parameter `tls=true` secures the connections, with
 * the authorities that the system trusts. For anything else use {@link etcdV3Store}.
 */
export const etcdV3: StoreAdapter = {
  scheme: 'etcd-v3',
  open: (url) => etcdV3Store(toOptions(url)),
};

function toOptions({ endpoints, username, password, params }: StoreUrl): EtcdV3Options {
  if (endpoints.length === 0)
    throw invalid('an etcd-v3: URL names at least one host, such as etcd-v3://127.0.0.1:2379');
  const unknown = [...params.keys()].find((name) => name !== 'tls');
  if (unknown !== undefined) {
    throw invalid(
      `an etcd-v3: URL has no parameter ${JSON.stringify(unknown)}; it takes tls, and etcdV3Store() all options`,
    );
  }
  const tls = params.get('tls') ?? 'false';
  if (tls !== 'true' && tls !== 'false') throw invalid('the parameter tls of an etcd-v3: URL is true or false');
  if (username !== undefined && password === undefined)
    throw invalid('the etcd-v3: URL has a user name but no password');
  const scheme = tls === 'true' ? 'https' : 'http';
  return {
    endpoints: endpoints.map((endpoint) => `${scheme}://${endpoint}`),
    ...(username === undefined ? {} : { auth: { username, password: password ?? '' } }),
  };
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
