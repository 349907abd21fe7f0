import type { Clock, Logger } from '@holdfast/store';
import type { EtcdCredentials } from './credentials.js';
import type { EndpointAddress } from './endpoint-address.js';
import type { EtcdIdentityOptions } from './identity-options.js';
import type { EtcdTlsOptions, Security } from './tls.js';

/** The options that both etcd adapters take. */
export interface EtcdOptions {
  /** The members: `http://host:2379`, `https://host:2379` or `unix:/path`. With several the store fails over. */
  readonly endpoints: readonly string[];
  /** A user, or a function that returns the current one, so that passwords can change. */
  readonly auth?: EtcdCredentials | (() => EtcdCredentials | Promise<EtcdCredentials>) | undefined;
  /** TLS material, or a function that returns it. It is called for each new connection, so certificates can change. */
  readonly tls?: EtcdTlsOptions | (() => EtcdTlsOptions) | undefined;
  /** Headers sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeouts?: EtcdTimeouts | undefined;
  /** Questions to the endpoint while calls or watches are open, to notice a dead connection. `false`: none. */
  readonly keepalive?: false | EtcdKeepalive | undefined;
  /** Retries of reads, and of writes that were certainly not applied. Other writes are never retried. */
  readonly retry?: EtcdRetry | undefined;
  /** The longest answer that is taken from a server, in bytes. What is longer is `too-large`. */
  readonly maxResponseBytes?: number | undefined;
  /** When the store accepts that its endpoints belong to another cluster than before. */
  readonly identity?: EtcdIdentityOptions | undefined;
  /** The default budget of a watch, in bytes. See `WatchOptions.bufferBytes`. */
  readonly bufferBytes?: number | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  /** Gives a number in [0, 1), for jitter and for the choice of the first endpoint. */
  readonly random?: (() => number) | undefined;
}

/** How long a store waits. */
export interface EtcdTimeouts {
  /**
   * How long it may take to reach any endpoint, in milliseconds. Then calls fail with `unavailable`. Time in which this process is kept from
   * reading answers does not count. Default: 5,000.
   */
  readonly connectMs?: number | undefined;
  /** The default of every call's `timeoutMs`. Default: none. */
  readonly requestMs?: number | undefined;
}

/** How often a store asks whether its endpoint is still there. */
export interface EtcdKeepalive {
  /** Milliseconds between questions. Default: 10,000. etcd v3 closes connections that ask more often than every 5,000. */
  readonly intervalMs?: number | undefined;
  /**
   * How long an answer may take, in milliseconds. On etcd v3 it may take longer while anything else is received, or while this process is kept
   * from reading it. Default: 5,000.
   */
  readonly timeoutMs?: number | undefined;
}

/** How often a store retries a call. */
export interface EtcdRetry {
  /** The number of attempts of one call, from 1. Default: 3, or one for each endpoint if that is more. */
  readonly attempts?: number | undefined;
  /** The first delay, in milliseconds. It doubles, with jitter. Default: 100. */
  readonly initialMs?: number | undefined;
  /** The longest delay, in milliseconds. Default: 2,000. */
  readonly maxMs?: number | undefined;
}

/** {@link EtcdOptions}, checked, with all defaults. */
export interface ResolvedEtcdOptions {
  readonly endpoints: readonly EndpointAddress[];
  /** Gives the current user, checked. */
  readonly auth: (() => Promise<EtcdCredentials>) | undefined;
  /** Called for each new connection. @throws StoreError `invalid-argument` if certificates can't be used. */
  readonly security: () => Security;
  readonly headers: Readonly<Record<string, string>>;
  readonly connectMs: number;
  readonly requestMs: number | undefined;
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  readonly retry: { readonly attempts: number; readonly initialMs: number; readonly maxMs: number };
  readonly maxResponseBytes: number;
  readonly identity: EtcdIdentityOptions;
  readonly bufferBytes: number | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}
