import type { Command } from 'commander';
import { usage } from '../exit/command-error.js';

/** The options that every command takes. */
export interface GlobalFlags {
  readonly store?: string;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly json?: true;
}

export const DEFAULT_TIMEOUT_S = 30;

/** Adds the options that every command takes. */
export function addGlobalFlags(program: Command): void {
  program
    .optionsGroup('The store:')
    .option('--store <url>', 'the store, such as etcd-v3://127.0.0.1:2379/prefix (or HOLDFAST_STORE)')
    .option('--cacert <file>', "the authorities that the server's certificate is checked with, PEM (or ETCDCTL_CACERT)")
    .option('--cert <file>', "the client's certificate, PEM (or ETCDCTL_CERT)")
    .option('--key <file>', "the client's private key, PEM (or ETCDCTL_KEY)")
    .option('--server-name <name>', "the name that the server's certificate must carry")
    .option('--user <name>', 'the user (or ETCDCTL_USER); a terminal asks for the password')
    .option('--password-file <file>', "the file with the user's password (or HOLDFAST_PASSWORD, ETCDCTL_PASSWORD)")
    .option('--timeout <seconds>', 'how long one call to the store may take', seconds, DEFAULT_TIMEOUT_S)
    .optionsGroup('Output:')
    .option('--json', 'JSON on the output, and errors as JSON on standard error');
}

/** An option that is a number of seconds above 0. Fractions are allowed. */
export function seconds(text: string): number {
  const number = Number(text);
  // A timer of Node's holds at most 2^31 ms.
  if (text.trim() !== '' && number > 0 && number < 2_147_483) return number;
  throw usage(`--timeout takes seconds, and not ${JSON.stringify(text)}`, 'Write a number above 0, such as 30.');
}

/** A parser for an option that is a whole number, such as a revision. */
export function whole(option: string, from = 1): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= from) return number;
    throw usage(
      `${option} takes a whole number from ${from}, and not ${JSON.stringify(text)}`,
      'Write it in digits alone.',
    );
  };
}
