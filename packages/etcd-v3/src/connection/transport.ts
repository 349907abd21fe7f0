import type { KeyRange, Revision, StoreError } from '@holdfast/store';
import type { VersionEvidence } from './version-evidence.js';

/** What the watch half needs of the connection. Endpoints are the strings that the user wrote, without credentials. */
export interface WatchTransport {
  /** The history's identity (the cluster id, decimal) that the store follows; `undefined` before the first answer. */
  readonly identity: string | undefined;

  /**
   * Opens one bidirectional Watch RPC (metadata `hasleader: true`, auth token attached) on a healthy endpoint, preferring
   * one that is not `avoid`. Resolves once the endpoint's connection is up and the call was started; the server has not
   * answered anything by then.
   *
   * @throws StoreError `unavailable` where no endpoint could be reached within the connect time-out, naming them all,
   * `unauthenticated` where no token is to be had, or `signal.reason`.
   */
  openWatchCall(
    handlers: WatchCallHandlers,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<WatchCall>;

  /**
   * The head of the store as a linearizable read of this range tells it (C13): no more permission is needed than the
   * watch has. Tries other endpoints where one fails; `avoid` is tried last.
   *
   * @throws StoreError
   */
  linearizableHead(
    range: KeyRange,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<LinearizableHead>;

  /**
   * What is known of the version of the member behind an endpoint that serves a watch; `memberId` is the one of the watch's own
   * header. `undefined` where it can't be told now.
   */
  versionOf(endpoint: string, memberId: string, signal: AbortSignal): Promise<VersionEvidence | undefined>;

  /** Drops the auth token, so that the next call gets a fresh one. Many calls at once cost one authentication. */
  refreshToken(): void;

  /** Tells of each new connection, whatever it was made for. */
  onConnected(listener: () => void): void;

  /** Tells that an endpoint failed, so that calls prefer others for a while. */
  markUnhealthy(endpoint: string, cause: StoreError): void;
}

export interface LinearizableHead {
  readonly revision: Revision;
  /** Decimal, as in bookmarks' `identity`. */
  readonly clusterId: string;
  readonly raftTerm: number;
  readonly endpoint: string;
}

/** Both are called outside of the caller's own stack, never before `openWatchCall` has resolved. */
export interface WatchCallHandlers {
  /** The raw protobuf bytes of one WatchResponse. The buffer is not reused. */
  onMessage(message: Buffer): void;
  /** The call is over, whatever ended it but `cancel`. Exactly once, and nothing after it. */
  onEnd(error: StoreError): void;
}

export interface WatchCall {
  readonly endpoint: string;
  /** Sends the protobuf bytes of one WatchRequest. Does nothing once the call has ended. */
  write(request: Uint8Array): void;
  /** Stops reading: flow control then reaches the server. One message may still arrive. */
  pause(): void;
  resume(): void;
  /** Ends the call at once, and with it all watches on it. No handler is called any more. */
  cancel(): void;
}
