import { StoreError } from './errors.js';

/** A store's address, taken apart: `scheme://user:password@host:port,host2:port/prefix?option=value`. */
export interface StoreUrl {
  /** Names the adapter: `etcd-v3`, `memory`, … */
  readonly scheme: string;
  /** `host:port` as written. Empty for stores in the process. */
  readonly endpoints: readonly string[];
  /** `/prefix`, if there is one: `openStore` gives a view of the store below it. */
  readonly prefix: string | undefined;
  readonly username?: string;
  readonly password?: string;
  readonly params: URLSearchParams;
}

// The WHATWG parser takes one host, and etcd clusters have several.
const SHAPE = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:([^/?@]*)@)?([^/?]*))?([^?]*)(?:\?(.*))?$/i;

/**
 * @throws StoreError `invalid-argument`. The message never repeats the user and password.
 */
export function parseStoreUrl(url: string): StoreUrl {
  const match = typeof url === 'string' ? SHAPE.exec(url) : null;
  const [, scheme, userInfo, hosts = '', path = '', query] = match ?? [];
  if (scheme === undefined) {
    throw new StoreError(
      'invalid-argument',
      'a store URL looks like etcd-v3://127.0.0.1:2379,127.0.0.1:22379/prefix or memory:',
    );
  }
  const endpoints = hosts === '' ? [] : hosts.split(',');
  if (endpoints.includes('')) {
    throw new StoreError('invalid-argument', `the ${scheme} URL has an empty host in its list of endpoints`);
  }
  return {
    scheme: scheme.toLowerCase(),
    endpoints,
    prefix: path === '' || path === '/' ? undefined : decode(path, 'prefix'),
    ...(userInfo !== undefined && credentials(userInfo)),
    params: new URLSearchParams(query ?? ''),
  };
}

function credentials(userInfo: string): { username: string; password?: string } {
  const colon = userInfo.indexOf(':');
  if (colon < 0) return { username: decode(userInfo, 'user name') };
  return {
    username: decode(userInfo.slice(0, colon), 'user name'),
    password: decode(userInfo.slice(colon + 1), 'password'),
  };
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new StoreError('invalid-argument', `the ${what} in the store URL is not valid percent-encoding`);
  }
}
