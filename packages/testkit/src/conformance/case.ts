import type { Capabilities } from '@holdfast/store';
import type { BackendHooks } from './backend.js';
import type { ClauseId } from './clauses.js';
import type { ConformanceContext } from './context.js';

/** Capabilities that a case needs: the value itself, or a predicate on it. */
export type Requirement = {
  readonly [Name in keyof Capabilities]?: Capabilities[Name] | ((value: Capabilities[Name]) => boolean);
};

/** One guarantee of the contract, and the run that holds a store to it. */
export interface ConformanceCase {
  /** The main clause and the guarantee, in short: `C6.if-absent-fails-with-current`. Stable: reports name it. */
  readonly id: `${ClauseId}.${string}`;
  /** All clauses that it holds, the main one first. */
  readonly clauses: readonly [ClauseId, ...ClauseId[]];
  /** The guarantee in words. */
  readonly title: string;
  /** Skipped where the store's declared capabilities don't meet this. */
  readonly requires?: Requirement;
  /** Hooks of the binding that it uses. */
  readonly needs?: readonly (keyof BackendHooks)[];
  /** Throws where the store breaks the guarantee. */
  run(context: ConformanceContext): Promise<void>;
}

/** Why a case does not apply to this backend, or `undefined` where it does. */
export function whySkipped(
  { requires, needs = [] }: ConformanceCase,
  capabilities: Capabilities,
  hooks: BackendHooks,
): string | undefined {
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
