import { randomUUID } from 'node:crypto';
import type { ConfigStore } from '@holdfast/store';
import { checkStore, holdDuring } from '@holdfast/store/adapter';
import { type ReplicateOptions, toSettings } from './options.js';
import { newEvents, type Replication, RunningReplication } from './replication.js';
import { Replicator } from './replicator.js';
import type { ReplicationState } from './state.js';

/**
 * Carries all keys under a prefix over to another store, of whatever kind, and then follows: what changes in the source changes in the
 * target, transaction by transaction. Resolves after the first copy.
 *
 * A record in the target says how far it came, so that it may be killed and started again at any moment. Only keys that the replication
 * wrote itself are overwritten or deleted.
 *
 * @throws StoreError `invalid-argument`, `unsupported`; `timeout` where a store was not reached within `startTimeoutMs`; `aborted`;
 * `history-changed` for a source that was restored or wiped; {@link ReplicationConflictError}
 */
export async function replicate(
  source: ConfigStore,
  target: ConfigStore,
  options: ReplicateOptions,
): Promise<Replication> {
  checkStore(source, 'replicate()');
  checkStore(target, 'replicate()');
  const settings = toSettings(source, target, options);
  const { name, clock, syncTimeoutMs, logger } = settings;
  const events = newEvents(logger);
  if (options.onState !== undefined) events.on('state', options.onState);
  let previous: ReplicationState = { status: 'starting', since: clock.now() };
  const replicator = new Replicator(source, target, settings, {
    writer: randomUUID(),
    events: {
      state(state) {
        const before = previous;
        previous = state;
        events.emit('state', state, before);
      },
      conflict(conflict) {
        events.emit('conflict', conflict);
      },
    },
  });
  await holdDuring(replicator.start());
  return new RunningReplication({ name, replicator, events, clock, syncTimeoutMs });
}
