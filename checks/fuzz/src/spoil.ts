import type { Random } from '@holdfast/testkit';
import { isRef } from './plan.js';
import { JUNK } from './vocabulary.js';

/** Puts something in the place of an argument, or of a part of one, that may not be there; or leaves it out, or adds an option. */
export function spoil(random: Random, args: readonly unknown[]): readonly unknown[] {
  if (args.length === 0 || random.chance(0.1)) return [...args, random.pick(JUNK)];
  const index = random.below(args.length);
  if (random.chance(0.1)) return args.slice(0, index);
  return args.map((arg, other) => (other === index ? spoilPart(random, arg) : arg));
}

function spoilPart(random: Random, value: unknown): unknown {
  if (
    random.chance(0.3) ||
    typeof value !== 'object' ||
    value === null ||
    value instanceof Uint8Array ||
    isRef(value)
  ) {
    return random.pick(JUNK);
  }
  if (Array.isArray(value)) {
    const parts = value as readonly unknown[];
    if (parts.length === 0) return [random.pick(JUNK)];
    const index = random.below(parts.length);
    return parts.map((part, other) => (other === index ? spoilPart(random, part) : part));
  }
  // Some numbers would be a time-out that has run out before any answer.
  const names = Object.keys(value).filter((name) => name !== 'timeoutMs');
  const [name = 'limits'] = random.chance(0.2) ? ['limits'] : names.slice(random.below(Math.max(1, names.length)));
  return { ...value, [name]: spoilPart(random, (value as Readonly<Record<string, unknown>>)[name]) };
}
