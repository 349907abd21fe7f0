import { status as grpcStatus } from '@grpc/grpc-js';
import { constants, type IncomingHttpHeaders } from 'node:http2';
import { messageOf } from '@holdfast/store/adapter';

/** How a call ended, in the words of gRPC's own client: `errors.ts` tells failures apart by them. */
export interface CallStatus {
  readonly code: grpcStatus;
  readonly details: string;
}

/** How a stream was closed that brought no status. */
export interface StreamClose {
  readonly resetCode: number;
  /** Of the answer's head, if one came. */
  readonly httpStatus: number | undefined;
  /** The connection broke. */
  readonly isDropped: boolean;
  /** What went wrong in this process. */
  readonly error: NodeJS.ErrnoException | undefined;
}

const BY_HTTP_STATUS: Readonly<Record<number, grpcStatus>> = {
  400: grpcStatus.INTERNAL,
  401: grpcStatus.UNAUTHENTICATED,
  403: grpcStatus.PERMISSION_DENIED,
  404: grpcStatus.UNIMPLEMENTED,
  429: grpcStatus.UNAVAILABLE,
  502: grpcStatus.UNAVAILABLE,
  503: grpcStatus.UNAVAILABLE,
  504: grpcStatus.UNAVAILABLE,
};

/** The status of an answer that may not be gRPC's; `undefined` where HTTP's own says nothing. */
export function fromHttpStatus(httpStatus: number | undefined): CallStatus | undefined {
  if (httpStatus === undefined || httpStatus === constants.HTTP_STATUS_OK) return undefined;
  const details = `Received HTTP status code ${httpStatus}`;
  return { code: BY_HTTP_STATUS[httpStatus] ?? grpcStatus.UNKNOWN, details };
}

/** The status in the trailers of an answer. An answer of a head alone has it there. */
export function fromTrailers(trailers: IncomingHttpHeaders, httpStatus: number | undefined): CallStatus {
  const code = trailers['grpc-status'];
  if (typeof code === 'string') return { code: Number(code), details: decoded(trailers['grpc-message']) };
  const details = `Received HTTP status code ${httpStatus}`;
  return fromHttpStatus(httpStatus) ?? { code: grpcStatus.UNKNOWN, details };
}

function decoded(message: string | readonly string[] | undefined): string {
  if (typeof message !== 'string') return '';
  try {
    return decodeURI(message);
  } catch {
    return message;
  }
}

const BY_RESET: ReadonlyMap<number, CallStatus> = new Map([
  [constants.NGHTTP2_REFUSED_STREAM, { code: grpcStatus.UNAVAILABLE, details: 'Stream refused by server' }],
  [
    constants.NGHTTP2_ENHANCE_YOUR_CALM,
    { code: grpcStatus.RESOURCE_EXHAUSTED, details: 'Bandwidth exhausted or memory limit exceeded' },
  ],
  [
    constants.NGHTTP2_INADEQUATE_SECURITY,
    { code: grpcStatus.PERMISSION_DENIED, details: 'Protocol not secure enough' },
  ],
]);

export const DROPPED: CallStatus = { code: grpcStatus.UNAVAILABLE, details: 'Connection dropped' };
const CANCELLED: CallStatus = { code: grpcStatus.CANCELLED, details: 'Call cancelled' };
const BROKEN: readonly unknown[] = ['ECONNRESET', 'ETIMEDOUT'];

/** The status of a call whose stream was closed before it brought one. */
export function fromClose({ resetCode, httpStatus, isDropped, error }: StreamClose): CallStatus {
  const reset = `Received RST_STREAM with code ${resetCode}`;
  const internal = (details: string): CallStatus => ({ code: grpcStatus.INTERNAL, details });
  switch (resetCode) {
    case constants.NGHTTP2_NO_ERROR:
      return fromHttpStatus(httpStatus) ?? internal(`${reset} (Call ended without gRPC status)`);
    case constants.NGHTTP2_CANCEL:
      // Node closes the streams of a broken connection with it.
      return isDropped ? DROPPED : CANCELLED;
    case constants.NGHTTP2_INTERNAL_ERROR:
      if (error === undefined) return internal(`${reset} (Internal server error)`);
      if (BROKEN.includes(error.code)) return { code: grpcStatus.UNAVAILABLE, details: error.message };
      return internal(`${reset} triggered by internal client error: ${error.message}`);
    default:
      return BY_RESET.get(resetCode) ?? internal(reset);
  }
}

/** The status of a call whose request could not be written. */
export function fromWriteError(error: unknown): CallStatus {
  return { code: grpcStatus.UNAVAILABLE, details: `Write error: ${messageOf(error)}` };
}
