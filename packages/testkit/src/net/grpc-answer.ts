import { checkIterable, checkOptions } from '../check.js';
import type { ProxyAnswer } from './answering-proxy.js';
import { grpcFrame } from './grpc-messages.js';

/** An answer to a gRPC call, with these messages and this status. */
export function grpcAnswer(
  messages: Iterable<Uint8Array>,
  options: { readonly status?: number; readonly message?: string } = {},
): ProxyAnswer {
  checkIterable(messages, 'grpcAnswer(messages)');
  checkOptions(options, ['status', 'message'], 'grpcAnswer()');
  const { status = 0, message = '' } = options;
  return {
    status: 200,
    headers: { 'content-type': 'application/grpc' },
    body: [...messages].map(grpcFrame),
    trailers: { 'grpc-status': String(status), ...(message !== '' && { 'grpc-message': encoded(message) }) },
  };
}

/** gRPC's own percent-encoding, which leaves printable ASCII as it is. */
function encoded(message: string): string {
  return message.replace(/[^ -~]|%/gu, encodeURIComponent);
}
