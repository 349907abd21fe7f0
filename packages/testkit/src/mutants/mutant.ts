import { checkShape } from '../check.js';
import { checkBackend } from '../conformance/check-backend.js';
import type { ConfigStore } from '@holdfast/store';
import type { ConformanceBackend } from '../conformance/backend.js';
import type { ClauseId } from '../conformance/clauses.js';

/**
 * A store that breaks one promise: what shows that a case of the suite catches anything. `mutants.test.ts` runs the whole suite on
 * each of them, and it is `caughtBy`, no more and no less, that may fail.
 */
export interface Mutant {
  /** The clause of `docs/contract.md` that it breaks, and how: `C10.lost-event`. */
  readonly id: `${ClauseId}.${string}`;
  /** What it does wrong, in words. */
  readonly title: string;
  /** The cases that fail on it. Each of them names the mutant's clause. */
  readonly caughtBy: readonly string[];
  /** It is the backend that is broken, below the link that the suite simulates: the stores of the hooks `disturbed` and `unreachable` are left whole. */
  readonly belowLink?: true;
  /** Breaks a healthy store. */
  readonly apply: (store: ConfigStore) => ConfigStore;
}

/** The clause that a mutant breaks. */
export function clauseOf(mutant: Mutant): ClauseId {
  checkMutant(mutant, 'clauseOf(mutant)');
  const { id } = mutant;
  return id.slice(0, id.indexOf('.')) as ClauseId;
}

/** A backend all of whose handles are broken in the same way. */
export function mutateBackend(backend: ConformanceBackend, mutant: Mutant): ConformanceBackend {
  checkBackend(backend, 'mutateBackend(backend)');
  checkMutant(mutant, 'mutateBackend(backend, mutant)');
  const { hooks } = backend;
  const { disturbed, unreachable, openByUrl } = hooks;
  return {
    ...backend,
    open: async (options) => mutant.apply(await backend.open(options)),
    hooks: {
      ...hooks,
      ...(disturbed && {
        disturbed: async (options) => {
          const { store, link } = await disturbed(options);
          return { store: mutant.belowLink === true ? store : mutant.apply(store), link };
        },
      }),
      ...(unreachable && {
        unreachable: async () => {
          const { store, endpoint } = await unreachable();
          return { store: mutant.belowLink === true ? store : mutant.apply(store), endpoint };
        },
      }),
      ...(openByUrl && { openByUrl: async () => mutant.apply(await openByUrl()) }),
    },
  };
}

function checkMutant(mutant: unknown, name: string): void {
  checkShape(mutant, ['id', 'apply'], name, 'one of mutants is');
}
