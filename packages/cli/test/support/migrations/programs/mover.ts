// Migrates or replicates in a process of its own, step by step, as the process that started it says.
import { migrate, replicate, type Replication, type ReplicationState } from '@holdfast/core/replicate';
import { isStoreError } from '@holdfast/store';
import type { Answer, MoverArguments, Order } from '../mover.js';
import { openStore } from '../open-store.js';

const { source, target, acceptHistory, onConflict, drainMs, ...names } = JSON.parse(
  process.argv[2] ?? '{}',
) as MoverArguments;

function tell(answer: Answer): void {
  if (process.connected) process.send?.(answer);
}

function errorOf(error: unknown): Answer['error'] {
  return {
    code: isStoreError(error) ? error.code : 'internal',
    message: String(error instanceof Error ? error.message : error),
  };
}

const options = {
  ...names,
  // As in open-store.ts.
  startTimeoutMs: 120_000,
  syncTimeoutMs: 120_000,
  onConflict,
  acceptHistory,
  onState: (state: ReplicationState) => {
    if (state.status === 'stopped') tell({ step: 'stopped', error: errorOf(state.error) });
  },
};
const [from, to] = [openStore(source), openStore(target)];
const migration = migrate(from, to, { ...options, drainMs });
let replication: Replication | undefined;

const STEPS: Readonly<Record<Order['step'], () => Promise<unknown>>> = {
  copy: async () => {
    await migration.copy();
  },
  verify: () => migration.verify(),
  cutOver: () => migration.cutOver(),
  retreat: () => migration.retreat(),
  finish: () => migration.finish(),
  replicate: async () => {
    replication ??= await replicate(from, to, options);
  },
  sync: async () => {
    await replication?.sync();
  },
};

process.on('message', ({ step }: Order) => {
  STEPS[step]().then(
    (value) => {
      tell({ step, value });
    },
    (error: unknown) => {
      tell({ step, error: errorOf(error) });
    },
  );
});
process.on('disconnect', () => process.exit());
