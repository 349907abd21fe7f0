import { isRef, type Ref } from './plan.js';

/** What references of a plan stand for, at one moment of a run. */
export interface Meanings {
  revision(back: number): number;
  modRevision(key: string): number;
  lease(nth: number): string;
  readonly identity: string;
}

/** The same value with everything in place of its references. */
export function resolve(value: unknown, meanings: Meanings): unknown {
  // What has no references stays the same object: equal parts are told by that.
  if (refsIn(value).length === 0) return value;
  if (isRef(value)) return meaningOf(value, meanings);
  if (Array.isArray(value)) return value.map((part) => resolve(part, meanings));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolve(part, meanings)]));
}

/** All references in a value. */
export function refsIn(value: unknown): readonly Ref[] {
  if (isRef(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(refsIn);
  return isPlainObject(value) ? Object.values(value).flatMap(refsIn) : [];
}

function meaningOf(ref: Ref, meanings: Meanings): unknown {
  switch (ref.$) {
    case 'revision':
      return meanings.revision(ref.back);
    case 'modRevision':
      return meanings.modRevision(ref.key);
    case 'lease':
      return meanings.lease(ref.nth);
    case 'bookmark': {
      const identity = ref.of === 'another' ? 'another' : meanings.identity;
      return { revision: meanings.revision(ref.back), identity };
    }
    case 'aborted':
      return AbortSignal.abort(new Error('aborted before the call'));
    default:
      return ref satisfies never;
  }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
