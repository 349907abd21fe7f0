import type { Logger, StoreError } from '@holdfast/store';
import type { HostOptions } from '../mirrors/host-options.js';
import { THROWN_ON_PURPOSE } from './listeners.js';

/** A mirror may log failures as warnings. An error in the log is a bug of its own, except errors that its listeners throw (M10). */
export function mirrorLogger({ name, violated, trace }: HostOptions): Logger {
  const nothing = () => undefined;
  return {
    debug: (message, details) =>
      trace?.(`${name} ${message} ${String((details?.['error'] as StoreError | undefined)?.message ?? '')}`),
    info: nothing,
    warn: nothing,
    error: (message, details) => {
      const { error } = details ?? {};
      if (!(error instanceof Error) || !error.message.startsWith(THROWN_ON_PURPOSE))
        violated('internal', `${name}: ${message}: ${String(error)}`);
    },
  };
}
