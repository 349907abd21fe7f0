import { StoreError, type Capabilities, type ConfigStore } from '@holdfast/store';
import { refusedLocally } from '@holdfast/store/adapter';

type Need = 'transactions' | 'leases' | 'watches';

const HAS: Readonly<Record<Need, (capabilities: Capabilities) => boolean>> = {
  transactions: ({ transactions }) => transactions === 'multi-key',
  leases: ({ leases }) => leases,
  watches: ({ history }) => history !== 'none',
};

const NAMED: Readonly<Record<Need, string>> = {
  transactions: "transactions over several keys (capabilities.transactions: 'multi-key')",
  leases: 'leases (capabilities.leases)',
  watches: 'watches that resume (capabilities.history)',
};

/** @throws StoreError `unsupported`, before anything is sent, where the store lacks a capability */
export function checkCapabilities({ name, capabilities }: ConfigStore, call: string, needs: readonly Need[]): void {
  const missing = needs.filter((need) => !HAS[need](capabilities)).map((need) => NAMED[need]);
  if (missing.length === 0) return;
  const message = `${call} needs ${missing.join(' and ')}, and the ${name} store has none; use another backend, such as etcd v3`;
  throw refusedLocally(new StoreError('unsupported', message, { outcome: 'not-applied' }));
}
