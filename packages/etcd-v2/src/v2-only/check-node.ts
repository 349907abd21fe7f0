import { quoted, textOf } from '@holdfast/store/adapter';
import { invalidArgument, type Untrusted } from '@holdfast/store/adapter';
import { checkTtl } from '../json/ttl.js';

/**
 * Checks a node's path for the v2-only calls: `/a/b`, with hidden segments (`/a/_b`) too.
 *
 * @throws StoreError `invalid-argument`.
 */
export function checkPath(path: unknown): string {
  const bad =
    typeof path !== 'string' ||
    !path.startsWith('/') ||
    /\p{Surrogate}/u.test(path) ||
    path
      .slice(1)
      .split('/')
      .some((segment) => segment === '' || segment === '.' || segment === '..');
  if (!bad) return path;
  throw invalidArgument(
    `${quoted(textOf(path))} is no path of a node; write one such as /app/queue, without a slash at its end`,
  );
}

/** @throws StoreError `invalid-argument` for text that v2 would change */
export function checkText(value: unknown): string {
  if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value;
  throw invalidArgument('the value must be a string without lone surrogates: etcd v2 keeps text');
}

/** The option `ttl`, as a field of a form. @throws StoreError `invalid-argument`. */
export function ttlField({ ttl }: Untrusted): { readonly ttl?: string } {
  return ttl === undefined ? {} : { ttl: String(checkTtl(ttl)) };
}
