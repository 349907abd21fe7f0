import { checkFunction, checkOptions, checkShape } from '../check.js';
import type { BackendHooks, ConformanceBackend } from './backend.js';

/** @throws StoreError `invalid-argument` unless it is a binding of a backend to the suite */
export function checkBackend(backend: ConformanceBackend, name: string): void {
  checkShape(backend, ['open', 'hooks'], name, '{ open: () => memoryStore(), hooks: {} }');
  checkFunction((backend as { open: unknown }).open, `${name}.open`);
  checkOptions(backend.hooks, HOOKS, `${name}.hooks`);
}

// By its type complete, so that a hook can't be forgotten here.
const HOOKS = Object.keys({
  putRaw: true,
  deleteRaw: true,
  writeOutside: true,
  unreachable: true,
  disturbed: true,
  disturb: true,
  openWatches: true,
  passTime: true,
  openByUrl: true,
} satisfies Record<keyof BackendHooks, true>);
