import { gunzip, inflate } from 'node:zlib';
import { status as grpcStatus } from '@grpc/grpc-js';
import type { CallStatus } from './call-status.js';

/**
 * Unpacks a message. No request of ours names a compression, but something between client and server may use one all the same.
 *
 * @param encoding the answer's header `grpc-encoding`
 * @param mostBytes the longest message, unpacked: a few bytes can come to gigabytes
 * @param done called once, after this has returned, with the message or what the call ends with
 */
export function decompress(
  packed: Buffer,
  encoding: string | undefined,
  mostBytes: number,
  done: (message: Buffer | CallStatus) => void,
): void {
  const unpack = encoding === 'gzip' ? gunzip : encoding === 'deflate' ? inflate : undefined;
  if (unpack === undefined) {
    process.nextTick(done, unsupported(encoding));
    return;
  }
  unpack(packed, { maxOutputLength: mostBytes }, (error, message) => {
    if (error === null) done(message);
    else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') done(tooLong(mostBytes));
    else done({ code: grpcStatus.INTERNAL, details: `Failed to decompress ${encoding}-encoded message` });
  });
}

function unsupported(encoding = 'identity'): CallStatus {
  if (encoding === 'identity')
    return {
      code: grpcStatus.INTERNAL,
      details: 'Received compressed message but "grpc-encoding" header was identity',
    };
  const details = `Received message compressed with unsupported encoding "${encoding}"`;
  return { code: grpcStatus.UNIMPLEMENTED, details };
}

function tooLong(mostBytes: number): CallStatus {
  const details = `Received message that decompresses to a size larger than ${mostBytes}`;
  return { code: grpcStatus.RESOURCE_EXHAUSTED, details };
}
