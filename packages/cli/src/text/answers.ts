import type { GuardFailed, UndecodableKey } from '@holdfast/store';
import { CommandError, conflict } from '../exit/command-error.js';
import { EXIT } from '../exit/exit-code.js';
import { count, quoted, rawKeyText } from './inline.js';

/** A key that is not there is an answer. One that ends in `/` may have been meant as a prefix. */
export function noKey(key: string, label: string): CommandError {
  const next = key.endsWith('/')
    ? `If you mean the keys below it, run "holdfast list ${key}".`
    : 'Look for it with "holdfast list PREFIX".';
  return new CommandError('not-found', EXIT.answer, `there is no key ${quoted(key)} in ${label}`, next);
}

/** The failure of a guarded write, with what stands in its way where the store says it. */
export function guardFailed(key: string, { current }: GuardFailed, label: string): CommandError {
  const found = current === undefined ? '' : `; it was last changed at revision ${current.modRevision}`;
  return conflict(
    `nothing was changed: the guard for the key ${quoted(key)} in ${label} does not hold${found}`,
    `Look at the key with "holdfast get --json ${key}", and try again.`,
  );
}

/** Keys that are not UTF-8: no command can name them. */
export function strangeKeysText(keys: readonly UndecodableKey[]): string {
  const shown = keys.slice(0, 20).map(({ rawKey }) => rawKeyText(rawKey));
  return `Left out: ${count(keys.length, 'key')} that ${keys.length === 1 ? 'is' : 'are'} not UTF-8: ${shown.join(' ')}${keys.length > 20 ? ' …' : ''}`;
}
