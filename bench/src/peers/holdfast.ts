import type { Mirror } from '@holdfast/core';
import type { EtcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { connect } from 'node:http2';

export type Decode = 'lazy' | 'eager';

/** A store with its defaults, as users have it. */
export async function openHoldfast(...endpoints: readonly string[]): Promise<EtcdV3Store> {
  const { etcdV3Store } = await import('@holdfast/etcd-v3');
  return etcdV3Store({ endpoints });
}

export async function mirrorJson(store: ConfigStore, prefix: string, decode: Decode): Promise<Mirror<unknown>> {
  const { json, mirror } = await import('@holdfast/core');
  return mirror(store, { prefix, codec: json(), decode });
}

/** The content of a mirror, as the stored texts. */
export function* mirrorContent(mirror: Mirror<unknown>, prefix: string): Generator<[key: string, value: string]> {
  for (const [key, { value }] of mirror) yield [prefix + key, JSON.stringify(value)];
}

/**
 * Has every later scan of this process read by pages: a stream is asked for by a name that no server knows, and every server then says what those
 * without the method say. Stores have no option for it.
 */
export function withoutRangeStream(): void {
  const session = connect('http://127.0.0.1:1');
  session.on('error', () => undefined);
  const prototype = Object.getPrototypeOf(session) as typeof session;
  session.destroy();
  // oxlint-disable-next-line typescript/unbound-method -- It is called with the session of each call.
  const { request } = prototype;
  prototype.request = function (headers, options) {
    const path = headers === undefined || Array.isArray(headers) ? undefined : headers[':path'];
    const isStream = typeof path === 'string' && path.endsWith('/RangeStream');
    return request.call(this, isStream ? { ...headers, ':path': `${path}-unknown` } : headers, options);
  };
}
