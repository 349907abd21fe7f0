import type { ConfigStore } from '@holdfast/store';
import type { Ledger, LedgerContext } from './ledger.js';
import type { Places } from './places.js';
import { SingleLedger } from './single-ledger.js';
import { TxnLedger } from './txn-ledger.js';

/** The ledger that the target can have. */
export function makeLedger(target: ConfigStore, places: Places, context: LedgerContext): Ledger {
  return target.capabilities.transactions === 'multi-key'
    ? new TxnLedger(target, places, context)
    : new SingleLedger(target, places, context);
}
