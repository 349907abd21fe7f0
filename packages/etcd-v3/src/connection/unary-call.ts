import { type ChannelInterface, type Client, type Metadata, status as grpcStatus } from '@grpc/grpc-js';
import { messageOf } from '@holdfast/store/adapter';
import type { GrpcFailure } from '../errors.js';
import { AnswerHead, contentTypeOf } from './answer-head.js';
import type { CallStatus } from './call-status.js';
import type { Definition } from './definitions.js';
import { callDirectly, type RunningCall } from './direct-call.js';

export interface UnaryRequest<Request, Response> extends Definition<Request, Response> {
  readonly request: Request;
  readonly metadata: Metadata;
}

export type UnaryDone<Response> = (failure: GrpcFailure | null, response: Response | undefined) => void;

/** How a call ended, with the trailers that only gRPC's client tells. */
type Status = CallStatus & { readonly metadata?: Metadata };

/** The parts of a connection that make calls. */
export interface UnaryBegin {
  readonly channel: ChannelInterface;
  readonly client: Client;
  /** The limit that the channel was made with. */
  readonly maxResponseBytes: number;
}

/** Makes one call, and calls back once, after this has returned. */
export function callUnary<Request, Response>(
  { channel, client, maxResponseBytes }: UnaryBegin,
  { path, requestSerialize, responseDeserialize, request, metadata }: UnaryRequest<Request, Response>,
  done: UnaryDone<Response>,
): RunningCall {
  let foreign: string | undefined;
  let running: RunningCall | undefined;
  const head = new AnswerHead(() => {
    foreign = head.foreign;
    running?.cancel();
  });
  const onHead = (contentType: string | undefined): void => {
    head.received(contentType);
  };
  const fail = ({ code, details, metadata: trailers }: Status): void => {
    head.over();
    done(failureOf({ code, details: foreign ?? details, contentType: head.contentType(trailers) }), undefined);
  };
  const succeed = (response: Response): void => {
    head.over();
    done(null, response);
  };
  const onEnd = (status: CallStatus, message: Buffer | undefined): void => {
    if (message === undefined) {
      fail(status);
      return;
    }
    let response: Response;
    try {
      response = responseDeserialize(message);
    } catch (error) {
      fail(unreadable(error));
      return;
    }
    succeed(response);
  };
  const message = encodedBy(requestSerialize, request);
  running = message && callDirectly(channel, { path, metadata, message, maxResponseBytes }, { onHead, onEnd });
  if (running !== undefined) return running;
  const call = client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    metadata,
    {},
    (failure, response) => {
      if (failure !== null) fail(failure);
      else succeed(response as Response);
    },
  );
  call.on('metadata', (given: Metadata) => {
    onHead(contentTypeOf(given));
  });
  return (running = call);
}

/** The encoded request; `undefined` if it can't be encoded. gRPC's client then says so. */
function encodedBy<Request>(serialize: (request: Request) => Buffer, request: Request): Buffer | undefined {
  try {
    return serialize(request);
  } catch {
    return undefined;
  }
}

/** As gRPC's client tells it. */
function unreadable(error: unknown): CallStatus {
  return { code: grpcStatus.INTERNAL, details: `Response message parsing error: ${messageOf(error)}` };
}

/** An error, since it becomes the cause of the one that the caller gets. */
export function failureOf(failure: GrpcFailure): Error & GrpcFailure {
  return Object.assign(new Error(`${failure.code}: ${failure.details}`), failure);
}
