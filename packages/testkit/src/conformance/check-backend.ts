import { checkFunction, checkOptions, checkShape } from '../check.js';
import type { ConformanceBackend } from './backend.js';

/** @throws StoreError `invalid-argument` unless it is a binding of a backend to the suite */
export function checkBackend(backend: ConformanceBackend, name: string): void {
  checkShape(backend, ['open', 'hooks'], name, '{ open: () => memoryStore(), hooks: {} }');
  checkFunction((backend as { open: unknown }).open, `${name}.open`);
  checkOptions(backend.hooks, HOOKS, `${name}.hooks`);
}

const HOOKS = ['putRaw', 'deleteRaw', 'unreachable', 'disturbed', 'passTime', 'openByUrl'];
