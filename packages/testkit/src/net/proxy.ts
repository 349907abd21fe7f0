import type { ArmedCut, CutPredicate, Direction } from './lane.js';
import { ProxyServer } from './proxy-server.js';
import type { ProxyTarget } from './proxy-target.js';

/** Options of {@link Proxy.cutAfter} and {@link Proxy.cutWhen}. */
export interface CutOptions {
  /** Which bytes to count and look at. Default `'toClient'`. */
  readonly direction?: Direction;
  /** Refuse new connections from the same moment on, until `allow()`. Default false: clients may come back at once. */
  readonly refuse?: boolean;
}

/** See {@link Proxy.abandon}. */
export interface AbandonedConnections {
  readonly count: number;
  /** Ends both sides of them at last. */
  end(): void;
}

/**
 * A TCP connection with faults, on a loopback port of its own. Bytes pass unchanged, in order and under back-pressure. Every fault
 * acts on all connections through the proxy, new ones included, until it is undone.
 */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** The target's URL with this proxy's host and port. Pass it to the client instead of the target's. */
  readonly endpoint: string;
  /** Bytes forwarded so far, over all connections. */
  readonly bytesToClient: number;
  readonly bytesToServer: number;
  /** The number of open connections, those in a black hole included, and of all connections ever. */
  readonly connections: number;
  readonly totalConnections: number;

  /** Ends all connections now; new ones are served. With a FIN to both sides, or with a reset where `reset` is set. */
  cut(options?: { readonly reset?: boolean }): void;
  /** Cuts all connections once exactly this many bytes more have gone through. Once. */
  cutAfter(bytes: number, options?: CutOptions): ArmedCut;
  /** Cuts all connections at the byte which the predicate names, looking at every chunk before it is forwarded. Once. */
  cutWhen(predicate: CutPredicate, options?: CutOptions): ArmedCut;

  /** Refuses new connections (`ECONNREFUSED`) and leaves the open ones alone: `refuse(); cut()` is a dead server. */
  refuse(): void;
  /** Keeps connections open, takes new ones, and forwards nothing, not even a close: a half-open connection. */
  blackHole(): void;
  /**
   * Leaves the connections that are open now half-open for good, as a router does that has forgotten them: nothing passes any more
   * and neither end is told, while new connections are served.
   */
  abandon(): AbandonedConnections;
  /** Forwards nothing in one direction. */
  stall(direction: Direction): void;
  /** Undoes `refuse`, `blackHole` and `stall`. Bytes that were held back flow on, as after a network's retransmissions. */
  allow(): Promise<void>;
  /** Delivers every byte this many milliseconds later, in both directions or in one. 0 undoes it. */
  delay(ms: number, direction?: Direction): void;
  /** Limits each connection, in both directions or in one. `Infinity` undoes it. */
  throttle(bytesPerSecond: number, direction?: Direction): void;

  /** New connections go to another server; `cut()` moves the open ones. */
  retarget(target: ProxyTarget): void;
  /** Ends everything: no socket, timer or port is left. */
  close(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 in front of a server. The server need not run yet. */
export async function startProxy(target: ProxyTarget): Promise<Proxy> {
  return ProxyServer.start(target);
}
