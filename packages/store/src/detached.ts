import { AsyncResource } from 'node:async_hooks';

/** Made when the package is loaded: it has no part in a request, a span or a test that begins work. */
const own = new AsyncResource('Holdfast');

/**
 * Begins work that goes on for longer than who begins it, such as a mirror's. Outside of the caller's async context: what is stored there
 * for a request would be kept for as long, and each call would be told to traces as a part of that request.
 */
export function detached<T>(work: () => T): T {
  return own.runInAsyncScope(work);
}
