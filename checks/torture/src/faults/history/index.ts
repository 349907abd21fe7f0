import type { Fault } from '../../fault.js';
import { authRevocation } from './auth-revocation.js';
import { compaction } from './compaction.js';
import { copiedData } from './copied-data.js';
import { overtaken } from './overtaken.js';
import { restoreSnapshot } from './restore-snapshot.js';
import { upgrade } from './upgrade.js';
import { wipe } from './wipe.js';

/** Faults of the servers' history, and of the permission to read it. */
export const historyFaults: readonly Fault[] = [
  compaction,
  restoreSnapshot,
  copiedData,
  overtaken,
  wipe,
  authRevocation,
  upgrade,
];
