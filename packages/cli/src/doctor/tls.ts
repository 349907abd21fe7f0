import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { messageOf } from '@holdfast/store/adapter';
import type { StoreAddress } from '../store/store-address.js';
import { count, quoted } from '../text/inline.js';
import { failed, note, ok, problem, type Finding } from './finding.js';

const DAY_MS = 86_400_000;
/** Certificates are renewed by hand in many places: a month is time enough. */
const SOON_DAYS = 30;

/** How connections to an etcd are secured. */
export interface Security {
  readonly isTls: boolean;
  readonly options: ConnectionOptions;
}

/** The TLS options that the store's address has, as the adapter uses them. */
export async function securityOf({ params }: Pick<StoreAddress, 'params'>): Promise<Security> {
  const isTls = params.get('tls') === 'true' || ['ca', 'cert', 'key', 'serverName'].some((name) => params.has(name));
  const read = async (name: string) => {
    const file = params.get(name);
    return file === null ? {} : { [name]: await readFile(file) };
  };
  const serverName = params.get('serverName');
  return {
    isTls,
    options: {
      ...(isTls && { ...(await read('ca')), ...(await read('cert')), ...(await read('key')) }),
      ...(serverName !== null && { servername: serverName }),
    },
  };
}

export function splitEndpoint(endpoint: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(endpoint) ?? [];
  return { host: bracketed ?? plain ?? endpoint, port: Number(port ?? 2379) };
}

export function isLoopback(endpoint: string): boolean {
  const { host } = splitEndpoint(endpoint);
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** Whether connections are secured, and how long the certificates are good. */
export async function tlsFindings(
  endpoints: readonly string[],
  address: StoreAddress,
  security: Security,
  { now, timeoutMs, signal }: { readonly now: number; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Finding[]> {
  if (!security.isTls) {
    if (endpoints.every(isLoopback)) return [note('TLS', 'not used, and the endpoints are on this machine')];
    return [
      problem(
        'TLS',
        'not used: values, users and passwords can be read and changed on the way',
        'Serve the store with TLS, and name its authority with --cacert.',
      ),
    ];
  }
  const found: Finding[] = [];
  for (const endpoint of endpoints) {
    try {
      found.push(await serverFinding(endpoint, security, now, timeoutMs));
    } catch (error) {
      found.push(failed('TLS', error, endpoint));
    }
    signal.throwIfAborted();
  }
  return [...found, ...(await fileFindings(address, now))];
}

async function serverFinding(
  endpoint: string,
  { options }: Security,
  now: number,
  timeoutMs: number,
): Promise<Finding> {
  const { host, port } = splitEndpoint(endpoint);
  const name = options.servername ?? host;
  const socket = connect({
    ...options,
    host,
    port,
    ...(isIP(name) === 0 && { servername: name }),
    ALPNProtocols: ['h2', 'http/1.1'],
    // What is wrong with the certificate is the finding.
    rejectUnauthorized: false,
  });
  try {
    await connected(socket, timeoutMs);
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return problem('TLS', `${endpoint} shows no certificate`, 'Give it one.');
    const lasting = expiry(`${endpoint}, ${socket.getProtocol() ?? 'TLS'}: its certificate`, certificate, now);
    const misnamed = checkServerIdentity(name, certificate.toLegacyObject());
    const refused = socket.authorized ? misnamed : socket.authorizationError;
    if (lasting.level !== 'problem' && refused !== undefined && refused !== null) {
      return problem(
        'TLS',
        `${endpoint}: its certificate is not accepted: ${messageOf(refused)}`,
        'Name the authority with --cacert, and the name that the certificate carries with --server-name.',
      );
    }
    return lasting;
  } finally {
    socket.destroy();
  }
}

function connected(socket: TLSSocket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => {
      reject(new Error(`no TLS handshake within ${timeoutMs} ms`));
    });
    socket.once('secureConnect', () => {
      resolve();
    });
    socket.on('error', reject);
  });
}

/** The certificates in the files that are named. */
async function fileFindings({ params }: StoreAddress, now: number): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const [param, what] of [
    ['cert', "the client's certificate"],
    ['ca', 'the authority'],
  ] as const) {
    const file = params.get(param);
    if (file === null) continue;
    const blocks = (await readFile(file, 'utf8')).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
    const certificates = (blocks ?? []).map((block) => new X509Certificate(block));
    // The one that ends first decides.
    const [first] = certificates.sort((a, b) => Date.parse(a.validTo) - Date.parse(b.validTo));
    if (first !== undefined) found.push(expiry(`${what} in ${quoted(file)}`, first, now));
  }
  return found;
}

function expiry(what: string, { validTo, validFrom }: X509Certificate, now: number): Finding {
  const days = Math.floor((Date.parse(validTo) - now) / DAY_MS);
  if (Date.parse(validFrom) > now) {
    return problem('TLS', `${what} is good only from ${validFrom}`, "Check this machine's clock, or the certificate.");
  }
  if (days < 0) return problem('TLS', `${what} has expired on ${validTo}`, 'Renew it.');
  if (days < SOON_DAYS) return problem('TLS', `${what} expires in ${count(days, 'day')}, on ${validTo}`, 'Renew it.');
  return ok('TLS', `${what} is good until ${validTo}`);
}
