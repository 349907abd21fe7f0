import type { StoreUrl } from '@holdfast/store';
import { invalidArgument } from '@holdfast/store/adapter';
import type { EtcdOptions } from './options.js';

/** What an etcd store's URL says, in options: `etcd-v3://user:password@host:2379,host2:2379/prefix?tls=true`. */
export type UrlOptions = Pick<EtcdOptions, 'endpoints' | 'auth'>;

/**
 * Reads the URL of an etcd store.
 *
 * @param maker the function that takes all options, for messages: `etcdV3Store()`
 * @throws StoreError `invalid-argument`. The message repeats neither user nor password.
 */
export function toOptions({ scheme, endpoints, username, password, params }: StoreUrl, maker: string): UrlOptions {
  const url = `${scheme}: URL`;
  if (endpoints.length === 0) {
    throw invalidArgument(`an ${url} names at least one host, such as ${scheme}://127.0.0.1:2379`);
  }
  const unknown = [...params.keys()].find((name) => name !== 'tls');
  if (unknown !== undefined) {
    throw invalidArgument(
      `an ${url} has no parameter ${JSON.stringify(unknown)}; it takes tls, and ${maker} all options`,
    );
  }
  const tls = params.get('tls') ?? 'false';
  if (tls !== 'true' && tls !== 'false') throw invalidArgument(`the parameter tls of an ${url} is true or false`);
  if (username !== undefined && password === undefined) {
    throw invalidArgument(`the ${url} has a user name but no password`);
  }
  const protocol = tls === 'true' ? 'https' : 'http';
  return {
    endpoints: endpoints.map((endpoint) => `${protocol}://${endpoint}`),
    ...(username === undefined ? {} : { auth: { username, password: password ?? '' } }),
  };
}
