import {
  resolveEtcdOptions,
  type EtcdCredentials,
  type EtcdOptions,
  type OptionRules,
  type ResolvedEtcdOptions,
} from '@holdfast/etcd-common';
import type { Capabilities } from '@holdfast/store';
import { checkMs, checkNames, checkWhole, invalidArgument } from '@holdfast/store/adapter';

export interface EtcdV3Options extends EtcdOptions {
  /** A user, or a function that returns the current one. It is called for each new token, so passwords can change. */
  readonly auth?: EtcdCredentials | (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  /** gRPC metadata sent with every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Pings while calls or watches are open, to notice a dead connection. `intervalMs` is at least 5,000: etcd closes connections that ping
   * more often. `false`: none.
   */
  readonly keepalive?: EtcdOptions['keepalive'];
  readonly watch?:
    | {
        /** How often an idle watch's bookmark moves, in milliseconds, on servers that answer in order (3.5.8 and newer). Default: 5,000. */
        readonly progressMs?: number | undefined;
        /** After this time without any message the watch stream is tested, in milliseconds. Default: 30,000. */
        readonly silenceMs?: number | undefined;
      }
    | undefined;
  /** The servers' limits, if you know them. The store checks them before anything is sent, and declares them as capabilities. */
  readonly limits?:
    | {
        /** The servers' `--max-txn-ops`. etcd's default is 128. */
        readonly maxTxnOperations?: number | undefined;
        /** The servers' `--max-request-bytes`. etcd's default is 1.5 MiB. */
        readonly maxRequestBytes?: number | undefined;
      }
    | undefined;
  /**
   * The longest message that is taken from a server, in bytes, and the most that a watch response may come to in fragments. What is
   * longer is `too-large`. Default: 1 GiB.
   */
  readonly maxResponseBytes?: number | undefined;
}

/** The options with all defaults. */
export interface ResolvedOptions extends ResolvedEtcdOptions {
  readonly watch: { readonly progressMs: number | undefined; readonly silenceMs: number | undefined };
  readonly limits: Pick<Capabilities, 'maxTxnOperations' | 'maxRequestBytes'>;
}

/** The default of `maxResponseBytes`. */
export const MAX_RESPONSE_BYTES = 2 ** 30;
/** gRPC counts in 32 bits. */
const MOST_RESPONSE_BYTES = 2 ** 31 - 1;

/** etcd's floor for pings (`--grpc-keepalive-min-time`). More frequent ones end the connection with "too_many_pings". */
const MIN_KEEPALIVE_MS = 5_000;

/** Headers that gRPC and the adapter set themselves. */
const OWN_HEADERS: readonly string[] = ['token', 'hasleader'];

const RULES: OptionRules = {
  taker: 'etcdV3Store()',
  own: ['watch', 'limits'] satisfies (keyof EtcdV3Options)[],
  headers: {
    allows: (name) =>
      /^[0-9a-z_.-]+$/.test(name) && !name.startsWith('grpc-') && !name.endsWith('-bin') && !OWN_HEADERS.includes(name),
    made: 'lower-case letters, digits and dashes',
  },
  maxResponseBytes: MAX_RESPONSE_BYTES,
};

/** @throws StoreError `invalid-argument`, with the option's name */
export function resolveOptions(options: EtcdV3Options): ResolvedOptions {
  const resolved = resolveEtcdOptions(options, RULES);
  const { intervalMs = Infinity } = resolved.keepalive ?? {};
  if (intervalMs < MIN_KEEPALIVE_MS) {
    throw invalidArgument(
      `keepalive.intervalMs must be at least ${MIN_KEEPALIVE_MS}: etcd closes connections that ping more often`,
    );
  }
  if (resolved.maxResponseBytes > MOST_RESPONSE_BYTES) {
    throw invalidArgument(`maxResponseBytes must be at most ${MOST_RESPONSE_BYTES}: gRPC knows no longer messages`);
  }
  return { ...resolved, watch: checkWatch(options.watch), limits: checkLimits(options.limits) };
}

function checkWatch(watch: EtcdV3Options['watch'] = {}): ResolvedOptions['watch'] {
  checkNames(watch, ['progressMs', 'silenceMs'], 'the option watch');
  const { progressMs, silenceMs } = watch;
  return {
    progressMs: progressMs === undefined ? undefined : checkMs(progressMs, 'watch.progressMs'),
    silenceMs: silenceMs === undefined ? undefined : checkMs(silenceMs, 'watch.silenceMs'),
  };
}

function checkLimits(limits: EtcdV3Options['limits'] = {}): ResolvedOptions['limits'] {
  checkNames(limits, ['maxTxnOperations', 'maxRequestBytes'], 'the option limits');
  const { maxTxnOperations, maxRequestBytes } = limits;
  return {
    ...(maxTxnOperations !== undefined && {
      maxTxnOperations: checkWhole(maxTxnOperations, 'limits.maxTxnOperations', 'operations'),
    }),
    ...(maxRequestBytes !== undefined && {
      maxRequestBytes: checkWhole(maxRequestBytes, 'limits.maxRequestBytes', 'bytes'),
    }),
  };
}
