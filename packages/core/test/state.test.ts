import { describe, expect, test } from '@jest/globals';
import { nextState, type MirrorState } from '../src/events/state.js';

describe('what was read is in place', () => {
  const loading: MirrorState = { status: 'loading', since: 1, connection: 'interrupted' };
  const resyncing: MirrorState = { status: 'resyncing', since: 1, connection: 'interrupted', reason: 'compacted' };

  test.each([loading, resyncing])('and the mirror is live, if that began recently: from %p', (state) => {
    expect(nextState(state, { type: 'installed', isRecent: true }, 5)).toEqual({
      status: 'live',
      since: 5,
      connection: 'connected',
    });
  });

  test.each([loading, resyncing])(
    'but not for a moment, if the reading took longer than a proof lasts: from %p',
    (state) => {
      const stale = { status: 'stale', since: 5, connection: 'connected', reason: 'no-evidence' };
      expect(nextState(state, { type: 'installed', isRecent: false }, 5)).toEqual(stale);
    },
  );
});
