import { invalidArgument } from '@holdfast/store/adapter';
import { checkAwaited, found } from '../check.js';

/** Where a proxy forwards to: a loopback port, or the server's URL. */
export type ProxyTarget = number | string;

/** @throws StoreError `invalid-argument` for what is neither a port nor a URL */
export function parseTarget(target: ProxyTarget): URL {
  checkAwaited(target, "a proxy's target");
  const href = typeof target === 'number' ? `http://127.0.0.1:${target}` : target;
  if (typeof href === 'string' && URL.canParse(href)) return new URL(href);
  throw invalidArgument(
    `a proxy's target must be a port, or a URL such as http://127.0.0.1:2379, which etcd.endpoints has, not ${found(target)}`,
  );
}
