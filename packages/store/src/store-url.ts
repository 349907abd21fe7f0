import { invalid } from './check-options.js';
import { textOf } from './message-of.js';

/** A store's address, taken apart: `scheme://user:password@host:port,host2:port/prefix?option=value`. */
export interface StoreUrl {
  /** Names the adapter: `etcd-v3`, `memory`, … */
  readonly scheme: string;
  /** The whole URL as it was given, with its password: for adapters that hand it on. Keep it out of messages. */
  readonly href: string;
  /** `host:port` as written. Empty for stores in the process. */
  readonly endpoints: readonly string[];
  /** The decoded path. It is the adapter's own, such as a folder, if its `path` is `'own'`, and the prefix otherwise. */
  readonly path: string;
  /** The prefix, if there is one: `openStore` gives a view of the store below it. `?prefix=` is one in every URL. */
  readonly prefix: string | undefined;
  readonly username?: string;
  readonly password?: string;
  /** What follows `?`, without the prefix. */
  readonly params: URLSearchParams;
}

// The WHATWG parser takes one host, and etcd clusters have several.
const SHAPE = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:([^/?@]*)@)?([^/?]*))?([^?]*)(?:\?(.*))?$/i;
const HOST_AND_PORT = /^(?:\[[^[\]]*\]|[^:[\]]+)(?::\d{1,5})?$/;

const ENCODING =
  'in the user and the password of a store URL write % as %25, @ as %40, / as %2F, ? as %3F, and : as %3A, ' +
  'as encodeURIComponent() does';

/**
 * @param path whether the path is a prefix of keys, or the adapter's own (`StoreAdapter.path`)
 * @throws StoreError `invalid-argument`. The message never repeats the user and password, nor what may be a part of them.
 */
export function parseStoreUrl(url: string, path: 'own' | 'prefix' = 'prefix'): StoreUrl {
  const [, scheme = '', userInfo, hosts = '', rawPath = '', query] = takeApart(url);
  const endpoints = hosts === '' ? [] : hosts.split(',');
  const rest = `${rawPath}?${query ?? ''}`;
  checkAuthority(scheme, endpoints, { userInfo, rest, isCut: rawPath.includes('@') });
  const params = new URLSearchParams(query ?? '');
  const decoded = decode(rawPath, `the ${path === 'own' ? 'path' : 'prefix'}`);
  return {
    scheme: schemeOf(url),
    href: url,
    endpoints,
    path: decoded,
    prefix: prefixOf(scheme, path === 'own' || decoded === '/' ? '' : decoded, params),
    ...(userInfo !== undefined && credentials(userInfo)),
    params,
  };
}

/** Which adapter a URL is for, before anything else of it is read. @throws StoreError `invalid-argument` */
export function schemeOf(url: string): string {
  const [, scheme = ''] = takeApart(url);
  return scheme.toLowerCase();
}

function takeApart(url: unknown): readonly (string | undefined)[] {
  const match = typeof url === 'string' ? SHAPE.exec(url) : null;
  if (match !== null) return match;
  throw invalid('a store URL is a string such as etcd-v3://127.0.0.1:2379,127.0.0.1:22379/prefix or memory:');
}

/** A user or password whose `@`, `/` or `?` is not encoded ends too early: the rest is taken for hosts, a path or parameters. */
function checkAuthority(
  scheme: string,
  endpoints: readonly string[],
  { userInfo, rest, isCut }: { userInfo: string | undefined; rest: string; isCut: boolean },
): void {
  const isShaped = endpoints.every((endpoint) => HOST_AND_PORT.test(endpoint));
  const hasTwo = endpoints.some((endpoint) => endpoint.includes('@'));
  const endsLater = endpoints.length > 0 && (isCut || (!isShaped && rest.includes('@')));
  if (hasTwo || endsLater) {
    throw invalid(
      `the ${scheme}: URL has an @ ${userInfo === undefined ? 'behind its host' : 'too many'}: ${ENCODING}; in a prefix, write @ as %40`,
    );
  }
  if (endpoints.includes('')) throw invalid(`the ${scheme}: URL has an empty host in its list of endpoints`);
  if (!isShaped) {
    throw invalid(
      `the ${scheme}: URL has an endpoint that is no host and port, such as 127.0.0.1:2379 or [::1]:2379. If it is a password: ${ENCODING}`,
    );
  }
}

function prefixOf(scheme: string, path: string, params: URLSearchParams): string | undefined {
  const given = params.getAll('prefix');
  params.delete('prefix');
  if (given.length + Math.sign(path.length) > 1) {
    throw invalid(`the ${scheme}: URL has two prefixes: write it as the path or as ?prefix=, once`);
  }
  const prefix = given[0] ?? path;
  return prefix === '' ? undefined : prefix;
}

function credentials(userInfo: string): { username: string; password?: string } {
  const colon = userInfo.indexOf(':');
  if (colon < 0) return { username: decode(userInfo, 'the user name', `: ${ENCODING}`) };
  return {
    username: decode(userInfo.slice(0, colon), 'the user name', `: ${ENCODING}`),
    password: decode(userInfo.slice(colon + 1), 'the password', `: ${ENCODING}`),
  };
}

function decode(text: string, what: string, advice = '; write % as %25'): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`${what} in the store URL is not valid percent-encoding${advice}`);
  }
}

/**
 * The parameters of a URL by name, each at most once, and no others: a misspelt one would otherwise do nothing.
 *
 * @param hint what to use for everything else, for the message
 * @throws StoreError `invalid-argument`
 */
export function urlParams<Name extends string>(
  { scheme, params, username, endpoints }: StoreUrl,
  allowed: readonly Name[],
  hint: string,
): Partial<Record<Name, string>> {
  const takes = allowed.length === 0 ? 'it takes prefix' : `it takes prefix, ${allowed.join(', ')}`;
  // Behind an unencoded ? in a password its rest looks like parameters. Then nothing of them is repeated.
  const maySecret = username === undefined && endpoints.length > 0 && textOf(params).includes('%40');
  const found: Partial<Record<Name, string>> = {};
  for (const [name, value] of params) {
    const known = allowed.find((each) => each === name);
    if (known === undefined) {
      throw invalid(
        maySecret
          ? `the ${scheme}: URL has a parameter that it does not know; ${takes}. If it is a part of a password: ${ENCODING}`
          : `the ${scheme}: URL has no parameter ${JSON.stringify(name)}; ${takes}, and ${hint}`,
      );
    }
    if (found[known] !== undefined) throw invalid(`the ${scheme}: URL has the parameter ${name} twice`);
    if (value === '') throw invalid(`the parameter ${name} of the ${scheme}: URL is empty`);
    found[known] = value;
  }
  return found;
}
