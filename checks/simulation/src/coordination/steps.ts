import type { CoordinationParts } from './parts.js';
import { FAR } from '../truth/overtaken.js';
import type { CoordinationStep } from './plan.js';

/** Runs a step of a plan. What it starts goes on beside the next steps. */
export async function takeStep(parts: CoordinationParts, step: CoordinationStep): Promise<void> {
  const { trace, clock, background, server, faults, members, truth } = parts;
  if (step.do !== 'wait') trace?.(`* ${JSON.stringify(step)}`);
  switch (step.do) {
    case 'wait':
      await clock.advance(step.ms);
      break;
    case 'acquire':
      background.start(parts.newHolder(step).run());
      break;
    case 'close':
      background.start(parts.process(step.client).close());
      break;
    case 'transfer':
      background.start(parts.transfers.run(parts.process(step.client), step));
      break;
    case 'net':
      if (step.fault === 'heal') parts.process(step.client).heal();
      else {
        disturb(parts, step.client);
        parts.process(step.client).client.disturb(step.fault);
      }
      break;
    case 'cut-after':
      disturb(parts, step.client);
      parts.process(step.client).client.link.cutAfter(step.messages);
      break;
    case 'reads':
      disturb(parts, step.client);
      parts.process(step.client).client.link.failReads(step.count, step.how);
      break;
    case 'watches':
      disturb(parts, step.client);
      parts.process(step.client).client.failWatches(step.how);
      break;
    case 'late-write':
      disturb(parts, step.client);
      parts.process(step.client).lateWrites.delayNext(step.ms);
      break;
    case 'stop':
      parts.process(step.client).stop(step.ms, step.how);
      break;
    case 'jump':
      faults.add('clock jump');
      parts.process(step.client).client.jump(step.ms);
      break;
    case 'delete-key':
      await deleteKey(parts, step);
      break;
    case 'revoke':
      await revoke(parts, step.client);
      break;
    case 'compact':
      await server.compact(step.behind);
      break;
    case 'snapshot':
      parts.snapshotAt = truth.current.head;
      server.takeSnapshot();
      break;
    case 'restore':
      await restore(parts, step);
      break;
    case 'member':
      if (step.act === 'catch-up') members.catchUp(step.member);
      else if (members.lag(step.member, truth.current.head)) faults.add('member lags');
      break;
    default:
      step satisfies never;
  }
}

/** From now on nobody wonders if the process loses its session. */
function disturb(parts: CoordinationParts, client: number): void {
  parts.process(client).disturb();
}

async function deleteKey(
  { queues, data, faults }: CoordinationParts,
  { name, which }: Extract<CoordinationStep, { do: 'delete-key' }>,
): Promise<void> {
  const candidates = queues.candidates(name);
  const candidate = which === 'first' ? candidates[0] : candidates.at(-1);
  if (candidate === undefined) return;
  faults.add(which === 'first' ? 'key of a holder deleted' : 'key of a queue deleted');
  queues.take(candidate.key);
  await data.delete(candidate.key);
}

async function revoke(parts: CoordinationParts, client: number): Promise<void> {
  const { queues, leases, faults } = parts;
  const process = parts.process(client);
  const lease = process.current?.session.lease;
  if (lease === undefined || !(await leases.list()).includes(lease)) return;
  faults.add('lease revoked');
  process.disturb();
  queues.takeLease(lease);
  await leases.revoke(lease);
}

async function restore(
  parts: CoordinationParts,
  { from, identity, writes }: Extract<CoordinationStep, { do: 'restore' }>,
): Promise<void> {
  const { server, queues, processes, truth } = parts;
  const target = (from === 'nothing' ? undefined : parts.snapshotAt) ?? 1;
  const isFar = truth.current.head - target >= FAR;
  for (const process of processes) process.disturb();
  await server.restore({
    do: 'restore',
    from,
    identity: isFar ? identity : 'new',
    writes:
      identity === 'same'
        ? []
        : Array.from({ length: writes }, (_, index) => ({ kind: 'put', key: `/elsewhere/${index}`, value: 'good' })),
  });
  queues.begin();
  parts.noteOvertaking();
}
