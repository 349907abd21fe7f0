import type { Capabilities } from '@holdfast/store';
import { checkShape } from '../check.js';
import type { BackendHooks } from './backend.js';
import type { ClauseId } from './clauses.js';
import type { ConformanceContext } from './context.js';

/** Capabilities that a case needs: the value itself, or a predicate on it. */
export type Requirement = {
  readonly [Name in keyof Capabilities]?: Capabilities[Name] | ((value: Capabilities[Name]) => boolean);
};

/** One guarantee of the contract, with the run that checks a store for it. */
export interface ConformanceCase {
  /**
   * The main clause of `docs/contract.md` and the guarantee in short: `C6.if-absent-fails-with-current`. It never changes, since
   * reports name it.
   */
  readonly id: `${ClauseId}.${string}`;
  /** All clauses that the case checks, the main one first. */
  readonly clauses: readonly [ClauseId, ...ClauseId[]];
  /** The guarantee in words. */
  readonly title: string;
  /** What authors do about the mistake that this case usually finds. A failure ends with it. */
  readonly advice?: string;
  /**
   * What the case writes: nothing, or only keys put and deleted one by one, which can be done past a store that is read-only (hook
   * `writeOutside`). By default it writes as only the store itself can, and is skipped where capability `writes` is false.
   */
  readonly writes?: 'none' | 'outside';
  /** The case is skipped if the store's declared capabilities don't meet this. */
  readonly requires?: Requirement;
  /** The hooks of the binding that the case uses. */
  readonly needs?: readonly (keyof BackendHooks)[];
  /** Throws if the store breaks the guarantee. */
  run(context: ConformanceContext): Promise<void>;
}

/** Why a case does not apply to this backend; `undefined` if it does. */
export function whySkipped(
  conformanceCase: ConformanceCase,
  capabilities: Capabilities,
  hooks: BackendHooks,
): string | undefined {
  checkShape(conformanceCase, ['id', 'run'], 'whySkipped(case)', 'one of conformanceCases is');
  checkShape(capabilities, ['leases'], 'whySkipped(case, capabilities)', 'store.capabilities is');
  checkShape(hooks, [], 'whySkipped(case, capabilities, hooks)', 'backend.hooks is');
  const { requires, needs = [] } = conformanceCase;
  if (capabilities.writes === false && requires?.writes !== false) {
    if (conformanceCase.writes === undefined) return 'capability writes is false';
    if (conformanceCase.writes === 'outside' && hooks.writeOutside === undefined) {
      return 'capability writes is false, and the binding has no hook writeOutside';
    }
  }
  for (const name of Object.keys(requires ?? {}) as (keyof Capabilities)[]) {
    if (!meets(requires?.[name], capabilities[name])) {
      return `capability ${name} is ${JSON.stringify(capabilities[name])}`;
    }
  }
  const missing = needs.find((hook) => hooks[hook] === undefined);
  return missing === undefined ? undefined : `the binding has no hook ${missing}`;
}

function meets(required: unknown, declared: unknown): boolean {
  return typeof required === 'function' ? (required as (value: unknown) => boolean)(declared) : required === declared;
}
