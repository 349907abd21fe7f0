import type { Fault } from '../../fault.js';
import { authRevocation } from './auth-revocation.js';
import { compaction } from './compaction.js';
import { copiedData } from './copied-data.js';
import { overtaken } from './overtaken.js';
import { restoreSnapshot } from './restore-snapshot.js';
import { upgrade } from './upgrade.js';
import { wipe } from './wipe.js';

/** What happens to the history that the servers hold, and to who may read it. */
export const historyFaults: readonly Fault[] = [
  compaction,
  restoreSnapshot,
  copiedData,
  overtaken,
  wipe,
  authRevocation,
  upgrade,
];
