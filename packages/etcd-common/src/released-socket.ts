/** A socket that can keep the process alive, or not: one of `node:net`. */
export interface ReleasableSocket {
  ref(): this;
  unref(): this;
}

/**
 * Lets the process end although the socket is open, for good: the clients of gRPC and HTTP would take that back for each stream and
 * request, also for those of watches that must not keep the process alive. The store does it itself, for calls and for other watches.
 */
export function releasedSocket<S extends ReleasableSocket>(socket: S): S {
  socket.unref();
  socket.ref = () => socket;
  return socket;
}
