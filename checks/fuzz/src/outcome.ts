import { createHash } from 'node:crypto';
import { isStoreError, type Capabilities, type StoreErrorCode } from '@holdfast/store';
import type { Names } from './names.js';

/** What a call came to, in the terms that two stores have in common. */
export type Outcome =
  | { readonly is: 'answer'; readonly value: unknown }
  | { readonly is: 'refusal'; readonly code: StoreErrorCode; readonly says: unknown; readonly message: string }
  /** Something other than a `StoreError` was thrown, or the call did not end: wrong on any store. */
  | { readonly is: 'broken'; readonly how: string };

/** Gives the `n`-th lease that this store chose the id of a name. */
export type LeaseNames = (id: string) => string;

const LONGEST = 64;

/** Translates what a store answers. */
export class Translator {
  readonly #names: Names;
  readonly #leases: LeaseNames;
  /** What both stores can do: what one of them can't tell is left out. */
  readonly #shared: Capabilities;

  constructor(names: Names, leases: LeaseNames, shared: Capabilities) {
    this.#names = names;
    this.#leases = leases;
    this.#shared = shared;
  }

  answer(value: unknown): Outcome {
    return { is: 'answer', value: this.common(value) };
  }

  failure(error: unknown): Outcome {
    if (!isStoreError(error)) return { is: 'broken', how: `threw ${describe(error)}` };
    const { code, retryable, outcome, message } = error;
    if (typeof message !== 'string' || message === '') return { is: 'broken', how: `${code} has no message` };
    const compactRevision = isStoreError(error, 'compacted') ? error.compactRevision : undefined;
    return { is: 'refusal', code, says: this.common({ retryable, outcome, compactRevision }), message };
  }

  /** Bytes as text, revisions by their common numbers, and without what only one store knows. */
  common(value: unknown): unknown {
    if (value instanceof Uint8Array) return bytesAsText(value);
    if (Array.isArray(value)) return value.map((part) => this.common(part));
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).map(([name, field]) => [name, this.#field(name, field)] as const);
    return Object.fromEntries(fields.filter(([, field]) => field !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #field(name: string, value: unknown): unknown {
    switch (name) {
      case 'revision':
      case 'modRevision':
      case 'createRevision':
      case 'compactRevision':
        return typeof value === 'number' ? this.#names.toCommon(value) : value;
      case 'identity':
        return value === this.#names.identity ? 'this history' : value;
      case 'lease':
      case 'id':
        return this.#shared.leases && typeof value === 'string' ? this.#leases(value) : undefined;
      case 'version':
        return this.#shared.versions ? value : undefined;
      case 'current':
        return this.#shared.guardReturnsCurrent ? this.common(value) : undefined;
      // Etcd v3 does not tell when a key expires.
      case 'expiresAt':
        return undefined;
      default:
        return this.common(value);
    }
  }
}

function bytesAsText(bytes: Uint8Array): string {
  if (bytes.length <= LONGEST) return `bytes ${Buffer.from(bytes).toString('latin1')}`;
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return `${bytes.length} bytes ${digest}`;
}

function describe(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'something that has no text';
  }
}
