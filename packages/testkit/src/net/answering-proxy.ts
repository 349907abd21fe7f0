import type { NodeBytes } from './node-bytes.js';
import type { ProxyTarget } from './proxy-target.js';
import { AnsweringServer } from './answering-server.js';

/** A request as a proxy sees it. */
export interface ProxiedRequest {
  /** 1 for HTTP/1.1, 2 for HTTP/2, which gRPC is. */
  readonly http: 1 | 2;
  readonly method: string;
  /** With the query. Of a gRPC call: `/etcdserverpb.KV/Range`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What a proxy answers in the server's place. */
export interface ProxyAnswer {
  /** The HTTP status. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is: what is endless is sent for as long as the client takes it. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** HTTP/2 only, after the body. Without them the answer has no gRPC status. */
  readonly trailers?: Readonly<Record<string, string>>;
  /** Keeps the answer open after the body, until the client gives up. Default false. */
  readonly open?: boolean;
}

/** What becomes of one request: an answer, what the server says, or nothing ever. */
export type Answering = (request: ProxiedRequest) => ProxyAnswer | 'pass' | 'hang';

/** Takes one message of the server's answer to a gRPC call, and gives what the client gets instead: none, one, or several. */
export type MessageChange = (message: NodeBytes, path: string) => Uint8Array | readonly Uint8Array[];

/**
 * A proxy that understands what it forwards, on a loopback port of its own: HTTP/2 and gRPC as well as HTTP/1.1. At first it
 * passes everything on. As an ingress does that is being reconfigured, it can answer by itself for a while.
 */
export interface AnsweringProxy extends AsyncDisposable {
  readonly port: number;
  /** What a client is given in place of the server's URL. */
  readonly endpoint: string;
  /** How many requests it has answered by itself. */
  readonly answered: number;
  /** The paths of all requests so far, those that were passed on too. */
  readonly requests: readonly string[];

  /**
   * Answers requests by itself from now on. What is under way, such as a watch, is cut off with its connection. With
   * `open: 'end'` it ends, and connections stay; with `open: 'keep'` it goes on undisturbed.
   */
  answer(how: ProxyAnswer | Answering, options?: { readonly open?: 'cut' | 'end' | 'keep' }): void;
  /** Changes the messages that the server answers gRPC calls with; `undefined` undoes it. Calls under way are changed too. */
  rewrite(change: MessageChange | undefined): void;
  /** Passes all requests on again, and unchanged. */
  pass(): void;
  /** Ends all connections now; new ones are served. */
  cut(): void;
  /** Ends everything: no socket, timer or port is left. */
  close(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 in front of a server that speaks HTTP without TLS, and need not be there yet. */
export async function startAnsweringProxy(target: ProxyTarget): Promise<AnsweringProxy> {
  return AnsweringServer.start(target);
}
