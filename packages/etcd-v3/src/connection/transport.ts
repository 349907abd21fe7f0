import type { Revision, StoreError } from '@holdfast/store';
import type { KeyRange } from '@holdfast/store/adapter';
import type { VersionEvidence } from './version-evidence.js';

/** The part of the connection that watches need. Endpoints are the strings that the user wrote, without credentials. */
export interface WatchTransport {
  /** The history's identity (the cluster id, decimal) that the store follows; `undefined` before the first answer. */
  readonly identity: string | undefined;

  /**
   * Opens one bidirectional Watch RPC (metadata `hasleader: true`, with the auth token) on a healthy endpoint, preferably not `avoid`.
   * Resolves once the endpoint is connected and the call was started. The server has not answered yet.
   *
   * @throws StoreError `unavailable`, naming all endpoints, if none could be reached within the connect time-out; `unauthenticated` if
   * there is no token; or `signal.reason`.
   */
  openWatchCall(
    handlers: WatchCallHandlers,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<WatchCall>;

  /**
   * The head of the store, by a linearizable read of this range (C13), which needs no more permission than the watch. Tries other
   * endpoints if one fails, and `avoid` last.
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

  /** Drops the auth token, so that the next call gets a new one. Simultaneous calls share one authentication. */
  refreshToken(): void;

  /** Calls the listener for each new connection. */
  onConnected(listener: () => void): void;

  /** Reports that an endpoint failed, so that calls prefer others for a while. */
  markUnhealthy(endpoint: string, cause: StoreError): void;
}

export interface LinearizableHead {
  readonly revision: Revision;
  /** Decimal, as in bookmarks' `identity`. */
  readonly clusterId: string;
  readonly raftTerm: number;
  readonly endpoint: string;
}

/** Neither handler is called synchronously, or before `openWatchCall` has resolved. */
export interface WatchCallHandlers {
  /**
   * The raw protobuf bytes of one WatchResponse, or of a part of a long one, which is cut between two events. The buffer is not reused.
   *
   * @param more whether what comes next is the next part of the response
   */
  onMessage(message: Buffer, more: boolean): void;
  /** The call ended for any reason but `cancel`. Called exactly once, and last. */
  onEnd(error: StoreError): void;
}

export interface WatchCall {
  readonly endpoint: string;
  /** Sends the protobuf bytes of one WatchRequest. Does nothing once the call has ended. */
  write(request: Uint8Array): void;
  /** Stops reading, so that flow control reaches the server. What has arrived by then may still come. */
  pause(): void;
  resume(): void;
  /** Ends the call at once, and with it all watches on it. No handler is called any more. */
  cancel(): void;
}
