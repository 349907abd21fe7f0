import { createSecureContext } from 'node:tls';
import { checkNames, handleRejection, invalidArgument, isThenable } from '@holdfast/store/adapter';
import type { EndpointAddress } from './endpoint-address.js';

/** How connections to `https://` endpoints are secured. PEM texts, or their bytes. */
export interface EtcdTlsOptions {
  /** The authorities that may have signed the server's certificate. Default: the system's. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The client's certificate, for servers that ask for one. Needs `key`. */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** The name that the server's certificate must carry. Default: the endpoint's host. */
  readonly serverName?: string | undefined;
  /** `false` accepts any certificate, and so any server. Only for experiments. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** Certificates and keys, read: a `SecureContext` of `node:tls`. */
export interface TlsContext {
  readonly context: unknown;
}

/** The TLS material of one store's connections. */
export interface Security {
  readonly context: TlsContext;
  readonly serverName: string | undefined;
  readonly rejectUnauthorized: boolean;
}

/**
 * Checks the option `tls` against the endpoints.
 *
 * @returns the TLS material for a new connection. It calls the user's function, if `tls` is one.
 * @throws StoreError `invalid-argument`
 */
export function checkTls(
  tls: EtcdTlsOptions | (() => EtcdTlsOptions) | undefined,
  addresses: readonly EndpointAddress[],
): () => Security {
  const plain = addresses.find(({ secure }) => !secure);
  const given = typeof tls === 'function' || Object.values(tls ?? {}).some((value) => value !== undefined);
  if (given && plain !== undefined) {
    throw invalidArgument(
      `tls is given, but endpoint ${plain.name} is not secured: write https:// for all endpoints, or leave tls out`,
    );
  }
  if (typeof tls === 'function') return () => securityOf(atOnce(tls()));
  const security = securityOf(tls ?? {});
  return () => security;
}

/** @throws StoreError `invalid-argument` if certificates and keys can't be read, or don't fit together. */
export function checkTlsMaterial(tls: EtcdTlsOptions): void {
  securityOf(tls);
}

/** Of a promise nothing would be read, not even the authority; and its rejection would end the process. */
function atOnce(given: EtcdTlsOptions): EtcdTlsOptions {
  if (!isThenable(given)) return given;
  handleRejection(given);
  throw invalidArgument(
    'the function given as option tls gives a promise, and a connection can not wait for it: read the certificates before, and return the latest',
  );
}

function securityOf(tls: EtcdTlsOptions): Security {
  checkNames(tls, ['ca', 'cert', 'key', 'serverName', 'rejectUnauthorized'], 'the option tls');
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalidArgument('tls.cert and tls.key go together: a client certificate needs its private key');
  }
  const { serverName, rejectUnauthorized = true } = tls;
  return { context: createTlsContext(tls), serverName, rejectUnauthorized };
}

/**
 * Reads certificates and keys.
 *
 * @throws StoreError `invalid-argument` if that fails.
 */
function createTlsContext(tls: EtcdTlsOptions): TlsContext {
  for (const name of ['ca', 'cert', 'key'] as const) {
    // OpenSSL ignores an authority that is not PEM, instead of refusing it.
    if (tls[name] !== undefined && ![tls[name]].flat().every(isPem)) {
      throw invalidArgument(`tls.${name} must be PEM text ("-----BEGIN …"), not the path of a file`);
    }
  }
  try {
    return createSecureContext({ ca: pem(tls.ca), cert: pem(tls.cert), key: pem(tls.key), minVersion: 'TLSv1.2' });
  } catch (error) {
    // OpenSSL's own words ("no start line", "key values mismatch") name no secret.
    const reason = (error as Error).message;
    throw invalidArgument(`tls: ca, cert and key must be PEM texts that fit together: ${reason}`);
  }
}

function isPem(part: unknown): boolean {
  return (typeof part === 'string' || part instanceof Uint8Array) && Buffer.from(part).includes('-----BEGIN ');
}

function pem(given: EtcdTlsOptions['ca']): string | Buffer | (string | Buffer)[] | undefined {
  if (given === undefined || typeof given === 'string') return given;
  if (given instanceof Uint8Array) return Buffer.from(given);
  return given.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
}
