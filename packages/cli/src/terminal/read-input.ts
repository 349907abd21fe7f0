import { constants, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** Everything in a file, or that comes through a named pipe, byte for byte. */
export async function readInputFile(path: string, signal: AbortSignal): Promise<Uint8Array> {
  if ((await stat(path)).isFIFO()) return readAll(openPipe(path), signal);
  return readFile(path, { signal });
}

/** Everything that comes, until its end. An abort ends the stream, and is thrown. */
export function readAll(input: Readable, signal: AbortSignal): Promise<Uint8Array> {
  return buffer(addAbortSignal(signal, input));
}

/**
 * Opens a named pipe as a socket: Node reads a file in a thread, and one that waits for a writer can't be ended. It keeps the process, also
 * after `process.exit()`.
 */
function openPipe(path: string): Socket {
  const { O_RDONLY, O_NONBLOCK } = constants;
  return new Socket({ fd: openSync(path, O_RDONLY | O_NONBLOCK), readable: true, writable: false });
}
