import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger, StoreUrl } from '@holdfast/store';
import { invalidArgument, messageOf, safeLogger } from '@holdfast/store/adapter';
import type { EtcdCredentials } from './credentials.js';
import { checkTlsMaterial, type EtcdTlsOptions } from './tls.js';

/** The parameters of a URL that name files with TLS material. */
export type TlsFiles = Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>;

/**
 * The TLS material in the files that a URL names. They are read at once, so that a wrong name is told when the store is opened, and
 * again for each new connection: certificates are renewed in place. What can't be used then leaves the last good ones.
 *
 * @throws StoreError `invalid-argument` that names the file
 */
export function readTls(
  url: StoreUrl,
  files: TlsFiles,
  serverName: string | undefined,
  logger: Logger | undefined,
): EtcdTlsOptions | (() => EtcdTlsOptions) {
  const { scheme } = url;
  if ((files.cert === undefined) !== (files.key === undefined)) {
    const [has, lacks] = files.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    throw invalidArgument(
      `the ${scheme}: URL has the parameter ${has} but not ${lacks}: a client certificate needs its key`,
    );
  }
  const named = (['ca', 'cert', 'key'] as const).flatMap((name) => fileOf(url, name, files[name]) ?? []);
  if (named.length === 0) return { serverName };
  let last: EtcdTlsOptions | undefined;
  const read = (): EtcdTlsOptions => {
    const tls: EtcdTlsOptions = { ...Object.fromEntries(named.map((file) => [file.name, pemOf(file)])), serverName };
    if (last?.ca === tls.ca && last?.cert === tls.cert && last?.key === tls.key) return last ?? tls;
    checkTlsMaterial(tls);
    last = tls;
    return tls;
  };
  return lastGood(read, 'the TLS files', logger);
}

/**
 * The user with the password in the file that a URL names. The file is read again for each new token, since passwords change.
 *
 * @throws StoreError `invalid-argument` that names the file, and never what is in it
 */
export function readPassword(
  url: StoreUrl,
  username: string,
  path: string,
  logger: Logger | undefined,
): () => EtcdCredentials {
  const file = fileOf(url, 'passwordFile', path);
  const read = () => {
    // Editors and `echo` end a file with a line break, which is not part of the password.
    const password = textOf(file).replace(/\r?\n$/, '');
    if (password === '') throw invalidArgument(`${file.what} is empty`);
    return { username, password };
  };
  return lastGood(read, 'the password file', logger);
}

/** Reads, and goes on with what was read last if that is not possible, as in the middle of a rotation. */
function lastGood<T>(read: () => T, what: string, logger: Logger | undefined): () => T {
  const log = safeLogger(logger);
  let last = read();
  return () => {
    try {
      last = read();
    } catch (error) {
      log.warn(`${what} of a store can't be used, so it goes on with those read before: ${messageOf(error)}`, {
        error,
      });
    }
    return last;
  };
}

interface NamedFile {
  readonly name: string;
  readonly path: string;
  /** For messages. */
  readonly what: string;
}

function fileOf(url: StoreUrl, name: string, path: string): NamedFile;
function fileOf(url: StoreUrl, name: string, path: string | undefined): NamedFile | undefined;
function fileOf({ scheme }: StoreUrl, name: string, path: string | undefined): NamedFile | undefined {
  if (path === undefined) return undefined;
  // The working directory may change before the file is read again.
  return {
    name,
    path: resolve(path),
    what: `the file ${JSON.stringify(path)} of the parameter ${name} in the ${scheme}: URL`,
  };
}

function pemOf(file: NamedFile): string {
  const text = textOf(file);
  if (text.includes('-----BEGIN ')) return text;
  throw invalidArgument(`${file.what} is no PEM text ("-----BEGIN …")`);
}

function textOf({ path, what }: NamedFile): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalidArgument(`${what} can't be read: ${messageOf(error)}`);
  }
}
