import { newIdentity, renewedIdentity, type Machine, type StoreState } from '../data/state.js';
import { readState, writeMarks, writeState, type Tables } from '../database/tables.js';
import { inUseElsewhere } from '../errors.js';
import { renewAllLeases } from '../leases/lease-book.js';

/** By how much revisions are raised where some may have been lost: more than anybody can have written in between. */
const LOST_REVISIONS = 2 ** 32;

export function initialState({ bootId, pidNamespace }: Machine): StoreState {
  return {
    head: 1,
    compacted: 0,
    identity: renewedIdentity(newIdentity()),
    clean: true,
    bootId,
    pidNamespace,
    lost: undefined,
    serial: 0,
  };
}

/**
 * Takes the store over from whoever wrote last. After a start of the machine each lease has its full time again, since nobody could renew it. If
 * the last writes were not flushed, some revisions may be lost that somebody has seen: then it is another history, further on.
 */
export function adopt(tables: Tables, machine: Machine, path: string): void {
  tables.root.readerCheck();
  const { bootId, pidNamespace } = readState(tables);
  const sameBoot = bootId === machine.bootId;
  if (sameBoot && pidNamespace === machine.pidNamespace) return;
  if (sameBoot && hasReaders(tables)) throw inUseElsewhere(path);
  tables.root.transactionSync(() => {
    const state = readState(tables);
    state.pidNamespace = machine.pidNamespace;
    if (state.bootId !== machine.bootId) {
      renewAllLeases(tables, machine.uptimeMs());
      if (!state.clean) raise(state);
      state.bootId = machine.bootId;
      // What was read now is what the disk has.
      state.clean = true;
      writeMarks(tables, [{ uptimeMs: machine.uptimeMs(), head: state.head }]);
    }
    state.serial += 1;
    writeState(tables, state);
  });
}

function raise(state: StoreState): void {
  const { head, lost } = state;
  // Two gaps are not told apart: what is before the older one is closed.
  if (lost !== undefined) state.compacted = Math.max(state.compacted, lost[1]);
  state.head = head + LOST_REVISIONS;
  state.lost = [head, state.head];
  state.identity = renewedIdentity(state.identity);
}

/** Whether another process holds a slot of a reader. */
function hasReaders({ root }: Tables): boolean {
  return (root as unknown as { readerList(): string })
    .readerList()
    .split('\n')
    .some((line) => /^\s*\d+\s/.test(line) && Number(line.trim().split(/\s+/)[0]) !== process.pid);
}
