import type { AdapterOpenOptions, StoreUrl } from '@holdfast/store';
import { invalidArgument, urlParams } from '@holdfast/store/adapter';
import type { EtcdCredentials } from './credentials.js';
import type { EtcdOptions } from './options.js';
import { readPassword, readTls, type TlsFiles } from './url-files.js';

/** The options of an etcd store that are not in its URL. */
export type EtcdAdapterOptions<Options extends EtcdOptions = EtcdOptions> = Omit<Options, 'endpoints'>;

const PARAMS = ['tls', 'ca', 'cert', 'key', 'serverName', 'passwordFile'] as const;

/**
 * The options of an etcd store that is opened by URL: `etcd-v3://user:password@host:2379,host2:2379/prefix?ca=FILE`.
 *
 * @param own those that the adapter was given. They come before `common`, those of `openStore`
 * @param taker how the adapter gets options, for messages: `etcdV3.with()`
 * @throws StoreError `invalid-argument`. The message repeats neither user nor password.
 */
export function toOptions<Options extends EtcdOptions>(
  url: StoreUrl,
  own: EtcdAdapterOptions<Options>,
  common: AdapterOpenOptions,
  taker: string,
): EtcdAdapterOptions<Options> & { readonly endpoints: readonly string[] } {
  const { scheme, endpoints } = url;
  if (endpoints.length === 0) {
    throw invalidArgument(`an ${scheme}: URL names at least one host, such as ${scheme}://127.0.0.1:2379`);
  }
  const { tls, ca, cert, key, serverName, passwordFile } = urlParams(url, PARAMS, `${taker} takes all options`);
  const { logger = common.logger } = own;
  const files: TlsFiles = { ca, cert, key };
  const isSecure = isTls(url, tls, own.tls !== undefined, { ...files, serverName });
  const tlsOfUrl = isSecure && own.tls === undefined ? readTls(url, files, serverName, logger) : undefined;
  const auth = userOf(url, passwordFile, own.auth !== undefined, logger, taker);
  const requestMs = own.timeouts?.requestMs ?? common.timeoutMs;
  return {
    ...own,
    endpoints: endpoints.map((endpoint) => `${isSecure ? 'https' : 'http'}://${endpoint}`),
    ...(logger !== undefined && { logger }),
    ...(requestMs !== undefined && { timeouts: { ...own.timeouts, requestMs } }),
    ...(tlsOfUrl !== undefined && { tls: tlsOfUrl }),
    ...(auth !== undefined && { auth }),
  };
}

/** Whether connections are secured: by `tls=true`, by any other parameter about TLS, or by the adapter's own options. */
function isTls(
  { scheme }: StoreUrl,
  tls: string | undefined,
  isGiven: boolean,
  params: Readonly<Record<string, string | undefined>>,
): boolean {
  if (tls !== undefined && tls !== 'true' && tls !== 'false') {
    throw invalidArgument(`the parameter tls of an ${scheme}: URL is true or false`);
  }
  const [about] = Object.keys(params).filter((name) => params[name] !== undefined);
  if (about !== undefined && isGiven) {
    throw invalidArgument(
      `the ${scheme}: URL has the parameter ${about}, and the adapter the option tls: give one of them`,
    );
  }
  if (tls === 'false' && (about !== undefined || isGiven)) {
    throw invalidArgument(
      `the ${scheme}: URL says tls=false, and ${about === undefined ? 'the adapter has the option tls' : `has the parameter ${about}`}: give one of them`,
    );
  }
  return tls === 'true' || about !== undefined || isGiven;
}

function userOf(
  url: StoreUrl,
  passwordFile: string | undefined,
  isGiven: boolean,
  logger: AdapterOpenOptions['logger'],
  taker: string,
): EtcdOptions['auth'] {
  const { scheme, username, password } = url;
  if (username === undefined) {
    if (passwordFile === undefined) return undefined;
    throw invalidArgument(
      `the ${scheme}: URL has a passwordFile but no user: write ${scheme}://USER@host?passwordFile=FILE`,
    );
  }
  if (isGiven)
    throw invalidArgument(`the ${scheme}: URL has a user, and the adapter the option auth: give one of them`);
  if (password !== undefined && passwordFile !== undefined) {
    throw invalidArgument(`the ${scheme}: URL has a password and a passwordFile: give one of them`);
  }
  if (password !== undefined) return { username, password } satisfies EtcdCredentials;
  if (passwordFile !== undefined) return readPassword(url, username, passwordFile, logger);
  throw invalidArgument(
    `the ${scheme}: URL has a user name but no password: add ?passwordFile=FILE, or give ${taker} the option auth`,
  );
}
