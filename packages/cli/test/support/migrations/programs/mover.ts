// Migrates or replicates in a process of its own, step by step, as the process that started it says.
import { migrate, replicate, type Replication, type ReplicationState } from '@holdfast/core/replicate';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError } from '@holdfast/store';
import type { Answer, MoverArguments, Order, Place } from '../mover.js';

const { source, target, acceptHistory, onConflict, drainMs, ...names } = JSON.parse(
  process.argv[2] ?? '{}',
) as MoverArguments;

function open({ kind, endpoint }: Place) {
  return kind === 'v2' ? etcdV2Store({ endpoints: [endpoint] }) : etcdV3Store({ endpoints: [endpoint] });
}

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
  onConflict,
  acceptHistory,
  onState: (state: ReplicationState) => {
    if (state.status === 'stopped') tell({ step: 'stopped', error: errorOf(state.error) });
  },
};
const [from, to] = [open(source), open(target)];
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
