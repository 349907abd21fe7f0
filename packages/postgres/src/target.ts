import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { StoreUrl } from '@holdfast/store';
import { checkNames, invalidArgument, messageOf, parseStoreUrl, urlParams } from '@holdfast/adapter-kit';

/** How connections are secured. `true`: with the authorities that the system trusts. */
export interface PostgresTls {
  /** Authorities to trust, as PEM text. */
  readonly ca?: string | undefined;
  /** The client's certificate, as PEM text. It needs `key`. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name in the server's certificate, where it is not the host's. */
  readonly serverName?: string | undefined;
  /** `false` accepts any certificate: whoever answers can then read the password. Default: `true`. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** The password, where it is not in the connection string. A function is asked for each new connection. */
type Password = string | (() => string | Promise<string>) | undefined;

/** What options may say beside a connection string. */
interface Secrets {
  readonly password?: Password;
  readonly tls?: boolean | PostgresTls | undefined;
}

/** What is given to Node's `tls.connect`. Published types may not need Node's own. */
export interface TargetTls {
  readonly rejectUnauthorized?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
  readonly checkServerIdentity?: ((host: string, certificate: object) => Error | undefined) | undefined;
}

/** A server, and how to sign in. */
export interface Target {
  /** At least one. A host that begins with `/` is a folder of sockets. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: Password;
  readonly tls: TargetTls | undefined;
  readonly applicationName: string;
}

const SCHEMES = ['postgres', 'postgresql'];
/** What a connection string, and the URL of a store, may say behind its `?`. */
export const CONNECTION_PARAMS = [
  'host',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'tls',
  'ca',
  'cert',
  'key',
  'serverName',
  'passwordFile',
  'application_name',
] as const;

/** @throws StoreError `invalid-argument`. The message repeats neither user nor password. */
export function targetOf(connectionString: unknown, given: Secrets): Target {
  if (typeof connectionString !== 'string' || !SCHEMES.some((scheme) => connectionString.startsWith(`${scheme}:`))) {
    throw invalidArgument('connectionString must be a text such as postgres://user:password@host:5432/database');
  }
  return targetOfUrl(parseStoreUrl(connectionString, 'own'), [], given);
}

/**
 * @param own parameters that are not about the connection, and are read by the caller
 * @throws StoreError `invalid-argument`. The message repeats neither user nor password.
 */
export function targetOfUrl(url: StoreUrl, own: readonly string[], given: Secrets): Target {
  const params = urlParams(
    url,
    [...CONNECTION_PARAMS, ...own],
    'the options of postgresStore() have the rest',
  ) as Partial<Record<(typeof CONNECTION_PARAMS)[number], string>>;
  const { endpoints, path, username, password } = url;
  const database = path.replace(/^\//, '');
  if (database.includes('/')) {
    throw invalidArgument('a postgres: URL has one path, the name of the database; a prefix of keys is ?prefix=');
  }
  const sources = [password, params.passwordFile, given.password].filter((each) => each !== undefined);
  if (sources.length > 1) throw invalidArgument('give the password once: in the URL, as passwordFile, or as an option');
  const { passwordFile } = params;
  return {
    hosts: hostsOf(endpoints, params.host),
    database: database === '' ? undefined : database,
    user: username,
    password: passwordFile === undefined ? (password ?? given.password) : () => readText(passwordFile, 'passwordFile'),
    tls: tlsOf(params, given.tls),
    applicationName: params.application_name ?? 'holdfast',
  };
}

function hostsOf(endpoints: readonly string[], socket: string | undefined): Target['hosts'] {
  if (socket !== undefined) {
    if (endpoints.length > 0) throw invalidArgument('the postgres: URL has a host twice: leave the parameter host out');
    return [{ host: socket, port: 5432 }];
  }
  const names = endpoints.length === 0 ? ['localhost'] : endpoints;
  return names.map((endpoint) => {
    const [, host = endpoint, port = '5432'] = /^(.*?)(?::(\d+))?$/.exec(endpoint) ?? [];
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  });
}

function tlsOf(
  params: Partial<Record<(typeof CONNECTION_PARAMS)[number], string>>,
  option: Secrets['tls'],
): TargetTls | undefined {
  const ca = params.ca ?? params.sslrootcert;
  const cert = params.cert ?? params.sslcert;
  const key = params.key ?? params.sslkey;
  const { tls, sslmode, serverName } = params;
  if (sslmode !== undefined && !['disable', 'no-verify', 'require', 'verify-ca', 'verify-full'].includes(sslmode)) {
    throw invalidArgument(
      'sslmode must be disable, require, verify-full or no-verify: others leave it to whoever is on the way whether the connection is secure',
    );
  }
  if (tls !== undefined && tls !== 'true' && tls !== 'false')
    throw invalidArgument('the parameter tls is true or false');
  const isNamed = [ca, cert, key, serverName].some((each) => each !== undefined);
  const isAsked = isNamed || tls === 'true' || (sslmode !== undefined && sslmode !== 'disable');
  if (option !== undefined && option !== false) {
    if (isAsked || tls === 'false' || sslmode === 'disable') {
      throw invalidArgument('the connection string says how TLS is used, and so does the option tls: give one of them');
    }
    return option === true ? {} : tlsOptions(option);
  }
  if (!isAsked) return undefined;
  if (option === false || tls === 'false' || sslmode === 'disable') {
    throw invalidArgument('TLS is both asked for and switched off: say one of them');
  }
  return tlsOptions({
    ca: ca === undefined ? undefined : readText(ca, 'ca'),
    cert: cert === undefined ? undefined : readText(cert, 'cert'),
    key: key === undefined ? undefined : readText(key, 'key'),
    serverName,
    rejectUnauthorized: sslmode !== 'no-verify',
  });
}

function tlsOptions(given: PostgresTls): TargetTls {
  const {
    ca,
    cert,
    key,
    serverName,
    rejectUnauthorized = true,
  } = checkNames(given, ['ca', 'cert', 'key', 'serverName', 'rejectUnauthorized'], 'tls') as PostgresTls;
  if ((cert === undefined) !== (key === undefined))
    throw invalidArgument('a client certificate needs its key: give cert and key');
  return {
    rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
    ...(serverName !== undefined && {
      servername: serverName,
      // `pg` overwrites `servername` by a host that is a name.
      checkServerIdentity: (_host: string, certificate: object) =>
        checkServerIdentity(serverName, certificate as PeerCertificate),
    }),
  };
}

function readText(path: string, name: string): string {
  try {
    const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (text !== '') return text;
  } catch (error) {
    throw invalidArgument(
      `the file ${JSON.stringify(path)} of the parameter ${name} can't be read: ${messageOf(error)}`,
    );
  }
  throw invalidArgument(`the file ${JSON.stringify(path)} of the parameter ${name} is empty`);
}
