import {
  checkCredentials as checkEtcdCredentials,
  resolveEtcdOptions,
  type EtcdCredentials,
  type EtcdOptions,
  type OptionRules,
  type ResolvedEtcdOptions,
} from '@holdfast/etcd-common';
import { invalidArgument } from '@holdfast/store/adapter';

export interface EtcdV2Options extends EtcdOptions {
  /**
   * A user (HTTP basic authentication), or a function that returns the current one. It is called at first and whenever the server refuses its
   * last user, so passwords can change.
   */
  readonly auth?: EtcdCredentials | (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  /** HTTP headers sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Questions to the endpoint while calls or watches are open, to notice a dead connection or a member without a leader. `false`: none.
   */
  readonly keepalive?: EtcdOptions['keepalive'];
  /**
   * The longest body of an answer, in bytes. A longer one fails as `too-large`. etcd answers a read of a whole prefix at once. Default:
   * 256 MiB.
   */
  readonly maxResponseBytes?: number | undefined;
}

/** The options with all defaults. */
export type ResolvedOptions = ResolvedEtcdOptions;

/** Headers that the adapter sets itself. */
const OWN_HEADERS: readonly string[] = [
  ...['authorization', 'connection', 'content-length', 'content-type', 'expect', 'host', 'keep-alive'],
  ...['transfer-encoding', 'upgrade'],
];

const RULES: OptionRules = {
  taker: 'etcdV2Store()',
  own: [],
  headers: {
    allows: (name) => /^[0-9A-Za-z_.-]+$/.test(name) && !OWN_HEADERS.includes(name.toLowerCase()),
    made: 'letters, digits and dashes',
  },
  maxResponseBytes: 256 * 1_024 * 1_024,
  checkCredentials,
};

/** @throws StoreError `invalid-argument`, with the option's name */
export function resolveOptions(options: EtcdV2Options): ResolvedOptions {
  return resolveEtcdOptions(options, RULES);
}

/** @throws StoreError `invalid-argument`. The message never repeats the credentials. */
function checkCredentials(auth: unknown): EtcdCredentials {
  const credentials = checkEtcdCredentials(auth);
  // HTTP basic authentication ends the user name at the first colon.
  if (credentials.username.includes(':')) throw invalidArgument('auth.username must not hold a colon');
  return credentials;
}
