import { resolve } from 'node:path';
import type { StoreUrl } from '@holdfast/store';
import { parseStoreUrl } from '@holdfast/store/adapter';
import { usage } from '../exit/command-error.js';
import type { Io } from '../terminal/io.js';
import type { GlobalFlags } from './store-flags.js';

/** Where the store is, with all that opens it. */
export interface StoreAddress {
  /** With the password, if it is not in a file: only for `openStore`. */
  readonly url: string;
  readonly scheme: string;
  /** For people: without user, password and parameters. */
  readonly label: string;
  /** `host:port` as written; empty for stores in the process. */
  readonly endpoints: readonly string[];
  /** Whether a user is named. */
  readonly hasUser: boolean;
  /** The parameters of the URL, with those of the options. */
  readonly params: URLSearchParams;
}

type Param = 'ca' | 'cert' | 'key' | 'serverName';

const TLS: readonly (readonly [param: Param, flag: keyof GlobalFlags, option: string, variables: readonly string[]])[] =
  [
    ['ca', 'cacert', '--cacert', ['ETCDCTL_CACERT', 'ETCDCTL_CA_FILE']],
    ['cert', 'cert', '--cert', ['ETCDCTL_CERT', 'ETCDCTL_CERT_FILE']],
    ['key', 'key', '--key', ['ETCDCTL_KEY', 'ETCDCTL_KEY_FILE']],
    ['serverName', 'serverName', '--server-name', []],
  ];

/**
 * The store that the options and the environment name. What the URL or an option says comes before etcd's own variables, which count for
 * etcd alone. The same said twice is refused: one of the two would be ignored in silence.
 *
 * @param askPassword asks the person at the terminal; `undefined` where there is none
 */
export async function storeAddress(
  flags: GlobalFlags,
  { env, cwd }: Pick<Io, 'env' | 'cwd'>,
  askPassword: ((user: string) => Promise<string>) | undefined,
): Promise<StoreAddress> {
  const given = flags.store ?? env['HOLDFAST_STORE'] ?? '';
  if (given === '') throw noStore(env);
  const url = parseStoreUrl(given, 'own');
  const isEtcd = url.scheme.startsWith('etcd-');
  const params = new URLSearchParams(given.split('?').slice(1).join('?'));
  const variable = (...names: readonly string[]) =>
    isEtcd ? names.map((name) => env[name]).find((value) => value !== undefined && value !== '') : undefined;

  for (const [param, flag, option, variables] of TLS) {
    const value = flags[flag] as string | undefined;
    if (value !== undefined && params.has(param)) throw twice(option, param);
    const chosen = params.has(param) ? undefined : (value ?? fromVariables(params, variable(...variables)));
    if (chosen !== undefined) params.set(param, param === 'serverName' ? chosen : resolve(cwd, chosen));
  }
  const user = await chooseUser(flags, url, { params, variable, env, cwd, askPassword });
  const { scheme, endpoints } = url;
  const label = labelOf(url, params);
  return { url: rebuilt(given, user, params), scheme, label, endpoints, hasUser: user !== undefined, params };
}

/** The same store by one of its endpoints alone. */
export function atEndpoint(address: StoreAddress, endpoint: string): StoreAddress {
  const url = address.url.replace(/^([^:]+:\/\/(?:[^/@]*@)?)[^/?]*/, (_, start: string) => start + endpoint);
  return { ...address, url, endpoints: [endpoint] };
}

/** The same store for nobody in particular. */
export function withoutUser(address: StoreAddress): StoreAddress {
  const [before = '', query] = address.url.replace(/^([^:]+:\/\/)[^/@]*@/, '$1').split('?');
  const params = new URLSearchParams(query);
  params.delete('passwordFile');
  return { ...address, url: params.size === 0 ? before : `${before}?${params.toString()}`, hasUser: false, params };
}

/** A URL that says `tls=false` is meant so, whatever certificates the environment has. */
function fromVariables(params: URLSearchParams, value: string | undefined): string | undefined {
  return params.get('tls') === 'false' ? undefined : value;
}

interface UserSources {
  readonly params: URLSearchParams;
  readonly variable: (...names: readonly string[]) => string | undefined;
  readonly env: Io['env'];
  readonly cwd: string;
  readonly askPassword: ((user: string) => Promise<string>) | undefined;
}

/** The user for the URL, percent-encoded: `name`, with its password in a file, or `name:password`. */
async function chooseUser(
  flags: GlobalFlags,
  url: StoreUrl,
  { params, variable, env, cwd, askPassword }: UserSources,
): Promise<string | undefined> {
  if (flags.user !== undefined && url.username !== undefined) throw twice('--user', 'user');
  if (flags.passwordFile !== undefined && params.has('passwordFile')) throw twice('--password-file', 'passwordFile');
  if (flags.passwordFile !== undefined) params.set('passwordFile', resolve(cwd, flags.passwordFile));
  const named = flags.user ?? (url.username === undefined ? variable('ETCDCTL_USER', 'ETCDCTL_USERNAME') : undefined);
  const [name, password] = url.username === undefined ? splitUser(named) : [url.username, url.password];
  if (name === undefined) {
    // The adapter would speak of a parameter that nobody wrote.
    if (flags.passwordFile === undefined) return undefined;
    throw usage('--password-file needs a user', 'Name the user with --user.');
  }
  if (params.has('passwordFile')) {
    if (password === undefined) return encodeURIComponent(name);
    throw usage(`the user ${JSON.stringify(name)} has a password and a password file`, 'Give one of them.');
  }
  const found =
    password ?? nonEmpty(env['HOLDFAST_PASSWORD']) ?? variable('ETCDCTL_PASSWORD') ?? (await askPassword?.(name));
  if (found !== undefined) return `${encodeURIComponent(name)}:${encodeURIComponent(found)}`;
  throw usage(
    `the user ${JSON.stringify(name)} has no password`,
    'Name a file with --password-file, or set HOLDFAST_PASSWORD.',
  );
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** `name:password`, as etcdctl takes it. */
function splitUser(text: string | undefined): readonly [string | undefined, string | undefined] {
  if (text === undefined) return [undefined, undefined];
  const colon = text.indexOf(':');
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

function rebuilt(given: string, user: string | undefined, params: URLSearchParams): string {
  const [address = ''] = given.split('?');
  const withUser =
    user === undefined
      ? address
      : address.replace(/^([^:]+:\/\/)(?:[^/@]*@)?/, (_, start: string) => `${start}${user}@`);
  const query = params.toString();
  return query === '' ? withUser : `${withUser}?${query}`;
}

function labelOf({ scheme, endpoints, path }: StoreUrl, params: URLSearchParams): string {
  const prefix = params.get('prefix');
  return `${scheme}:${endpoints.length === 0 ? '' : '//'}${endpoints.join(',')}${path}${prefix === null ? '' : `?prefix=${prefix}`}`;
}

function noStore(env: Io['env']): Error {
  const endpoints = env['ETCDCTL_ENDPOINTS'] ?? '';
  const first = endpoints === '' ? '127.0.0.1:2379' : endpoints.replaceAll(/https?:\/\//g, '');
  return usage(
    'no store is named, and there is no default one',
    `Name one with --store or HOLDFAST_STORE, such as etcd-v3://${first}, or etcd-v2://${first} for etcd's v2 keys API.`,
  );
}

function twice(option: string, param: string): Error {
  return usage(`${option} is given, and the store's URL has ${param} too`, 'Give one of them.');
}
