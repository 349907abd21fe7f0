import type { Capabilities } from './capabilities.js';

/** What {@link Capabilities} says in full: the ones that an adapter need not declare have a value too. */
export type FullCapabilities = Capabilities & Required<Pick<Capabilities, 'writes' | 'rangeDeleteEvents'>>;

const known = new WeakMap<Capabilities, FullCapabilities>();

/**
 * Fills in what an adapter did not declare, since it was written before there was such a capability. Each then means what all stores did at
 * that time. Gives the same object for the same declaration.
 */
export function fullCapabilities(declared: Capabilities): FullCapabilities {
  const full = known.get(declared) ?? withUndeclared(declared);
  known.set(declared, full);
  return full;
}

function withUndeclared(declared: Capabilities): FullCapabilities {
  const { writes = true, rangeDeleteEvents = declared.rangeDeletes === 'directory' ? 'delete-range' : 'delete' } =
    declared;
  return { ...declared, writes, rangeDeleteEvents };
}
