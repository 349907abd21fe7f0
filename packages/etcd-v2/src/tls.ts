import { createSecureContext, type SecureContext } from 'node:tls';
import { StoreError } from '@holdfast/store';
import type { EtcdTlsOptions } from './options.js';

/**
 * What secures connections, read once.
 *
 * @throws StoreError `invalid-argument` where a certificate or key can't be read.
 */
export function secureContext(tls: EtcdTlsOptions): SecureContext {
  try {
    return createSecureContext({
      ca: pem(tls.ca),
      cert: pem(tls.cert),
      key: pem(tls.key),
      minVersion: 'TLSv1.2',
    });
  } catch (error) {
    // OpenSSL's own words ("no start line", "key values mismatch") name no secret.
    throw new StoreError(
      'invalid-argument',
      `tls: ca, cert and key must be PEM texts that fit: ${(error as Error).message}`,
    );
  }
}

function pem(given: EtcdTlsOptions['ca']): string | Buffer | (string | Buffer)[] | undefined {
  if (given === undefined || typeof given === 'string') return given;
  if (given instanceof Uint8Array) return Buffer.from(given);
  return given.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
}
