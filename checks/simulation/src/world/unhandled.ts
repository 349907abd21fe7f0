import type { Violations } from '../truth/violations.js';

/** Lives in a world. A rejection that nobody handles meanwhile is a violation. */
export async function noRejectionUnhandled(violations: Violations, live: () => Promise<void>): Promise<void> {
  const onRejection = (error: unknown) => {
    violations.add('internal', `a rejection that nobody handles: ${String(error)}`);
  };
  process.on('unhandledRejection', onRejection);
  try {
    await live();
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}
