import type { StoreError } from '@holdfast/store';
import type { CallKind } from '@holdfast/store/adapter';
import type { HttpMeaning, V2ErrorBody } from '../errors.js';
import type { Endpoint } from './endpoint.js';
import type { HistoryPoint } from './history-point.js';
import type { HttpResponse } from './http-exchange.js';
import type { Link } from './link.js';
import type { Question } from './recognise.js';

/** A call, as it is made at one endpoint after the other until one answers it. */
export interface CallRequest<T> extends Question {
  /** Reads what a majority has agreed on (`quorum=true`). Only a member that is part of a working cluster can answer that. */
  readonly quorum?: boolean | undefined;
  /** Form fields, sent url-encoded. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** A JSON body, in place of a form. */
  readonly json?: unknown;
  readonly kind: CallKind;
  readonly signal: AbortSignal | undefined;
  /** Preferably not this endpoint, and else over a new connection to it. */
  readonly avoid?: Endpoint | undefined;
  /** Asks the endpoint as such, whichever cluster it belongs to. */
  readonly anyCluster?: boolean | undefined;
  /**
   * What the answer says, from its body.
   *
   * @throws BadAnswer where it can't be used: the call is tried again as after any failure of the server
   */
  readonly parse: (response: HttpResponse, point: HistoryPoint) => T;
}

/** What every answer tells, whatever was asked. */
export interface AnswerHead extends HistoryPoint {
  readonly status: number;
  readonly endpoint: Endpoint;
}

export type Answer<T> = AnswerHead &
  (
    | { readonly refused: undefined; readonly result: T }
    /** The server refused with one of the codes that the call expects. */
    | { readonly refused: V2ErrorBody; readonly result: undefined }
  );

/** Where one attempt of a call goes. */
export interface Via {
  readonly endpoint: Endpoint;
  readonly link: Link;
  /** The credentials that are sent. */
  readonly header: string | undefined;
}

/** How one attempt ended without an answer. */
export interface Failed extends Via {
  readonly error: StoreError;
  readonly meaning: HttpMeaning;
  /** Whether the request, or the question before it, reached a server. */
  readonly reached: boolean;
}
