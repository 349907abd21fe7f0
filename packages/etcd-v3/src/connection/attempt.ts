import type { StoreError } from '@holdfast/store';
import type { CallKind } from '@holdfast/store/adapter';
import type { GrpcFailure } from '../errors.js';
import type { Caller } from './authenticator.js';

export interface CallTarget {
  readonly signal: AbortSignal | undefined;
  /** Use only this endpoint. */
  readonly endpoint?: string | undefined;
  /** Prefer any other endpoint to this one. */
  readonly avoid?: string | undefined;
}

export interface UnaryOptions extends CallTarget {
  readonly kind: CallKind;
  /** The revision to read, if it is not the head. */
  readonly revision?: number | undefined;
}

export interface Answer<Response> {
  readonly response: Response;
  readonly endpoint: string;
}

/** What is made of an answer. @throws StoreError `internal` where it is none to the request. */
export type Accept<Response, T> = (response: Response) => T | Promise<T>;

/** The result of one attempt. */
export type Attempted<Response> =
  | { readonly status: 'answered'; readonly response: Response }
  /** gRPC's failure. `sent: false` if it happened before the call itself was sent. */
  | { readonly status: 'failed'; readonly failure: GrpcFailure; readonly caller: Caller; readonly sent: boolean }
  /** An answer that is none to the request, or can't be read. */
  | { readonly status: 'unusable'; readonly error: StoreError }
  /** The connection reaches another cluster than the store's, and was closed. */
  | { readonly status: 'foreign'; readonly error: StoreError; readonly sent: boolean }
  /** An error that no further attempt can change. */
  | { readonly status: 'over'; readonly error: StoreError; readonly sent: boolean };
