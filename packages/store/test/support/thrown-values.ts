/** What JavaScript lets anyone throw, and what can be said of it. */
export const THROWN_VALUES: readonly (readonly [what: string, value: unknown, text: RegExp])[] = [
  ['an error', new Error('disk full'), /disk full/],
  ['an error without a message', new RangeError(), /RangeError/],
  ['an error whose message throws', withThrowing(new Error('x'), 'message'), /shown as text/],
  ['an object with a message', { message: 'disk full' }, /disk full/],
  ['an object without a prototype', Object.create(null), /shown as text/],
  ['an object whose toString throws', withThrowing({}, 'toString'), /shown as text/],
  ['an object whose toString gives an object', { toString: () => ({}), valueOf: () => ({}) }, /shown as text/],
  ['a revoked proxy', revokedProxy(), /shown as text/],
  ['a symbol', Symbol('sign'), /Symbol\(sign\)/],
  ['a text', 'disk full', /disk full/],
  ['null', null, /null/],
  ['undefined', undefined, /undefined/],
];

function withThrowing<T extends object>(target: T, name: string): T {
  return Object.defineProperty(target, name, {
    get: () => {
      throw new Error(`nobody may read ${name}`);
    },
  });
}

function revokedProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
