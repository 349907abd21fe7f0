// Sessions, locks and elections that are wrong in one way each.
import { openSession, type Held, type Leadership, type Session } from '@holdfast/coordination';
import { toRevision, type ConfigStore } from '@holdfast/store';
import { override } from '../../../.ci/test/support/override.js';
import { holdfast, type Implementation } from '../src/coordination/ground.js';

const never = new AbortController().signal;

/** Sessions whose holders are made otherwise. */
export function holders(change: <T extends Held>(held: T, session: Session) => T): Implementation {
  return sessions((session) => ({
    lock: async (...args) => change(await session.lock(...args), session),
    campaign: async (...args) => change<Leadership>(await session.campaign(...args), session),
    withLock: (name, work, options) => session.withLock(name, (held) => work(change(held, session)), options),
  }));
}

export function sessions(change: (session: Session, store: ConfigStore) => Partial<Session>): Implementation {
  return {
    ...holdfast,
    openSession: async (store, options) => {
      const session = await openSession(store, options);
      return override(session, change(session, store));
    },
  };
}

/** Ours, with another token. */
export function withToken(change: (revision: number) => number): Implementation {
  return holders((held) => {
    const { identity, revision } = held.token;
    return override(held, { token: { identity, revision: toRevision(change(revision)) } } as Partial<typeof held>);
  });
}

/** A lock without a look at its lease. */
export const naive = holders((held) =>
  override(held, { signal: never, check: () => undefined } as Partial<typeof held>),
);

/** A session that nothing ends. */
export const surviving = sessions(() => ({ signal: never }));
