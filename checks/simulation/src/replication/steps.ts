import { FAR } from '../truth/overtaken.js';
import type { ReplicationParts } from './parts.js';
import type { ReplicationStep } from './plan.js';

const REFUSING: readonly string[] = ['deny', 'lock-out', 'proxy-answers'];

/** Runs a step of a plan. What it starts goes on beside the next steps. */
export async function takeStep(parts: ReplicationParts, step: ReplicationStep): Promise<void> {
  const { trace, clock, background, faults, plan } = parts;
  if (step.do !== 'wait') trace?.(`* ${JSON.stringify(step)}`);
  switch (step.do) {
    case 'wait':
      await clock.advance(step.ms);
      break;
    case 'write':
      await parts.writer.write(step.write);
      break;
    case 'foreign':
      await parts.foreign.write(step.write);
      break;
    case 'start':
      if (parts.hosts.some(({ run }) => run !== undefined) && parts.host(step.host).run === undefined)
        faults.add('another replicator');
      background.start(parts.host(step.host).start(plan.acceptsHistory));
      break;
    case 'kill':
      kill(parts, step);
      break;
    case 'stop':
      parts.host(step.host).stop(step.ms, step.how);
      break;
    case 'close':
      background.start(parts.host(step.host).close());
      break;
    case 'sync':
      background.start(parts.sync(parts.host(step.host)));
      break;
    case 'jump':
      faults.add('clock jump');
      for (const client of Object.values(parts.host(step.host).clients)) client.jump(step.ms);
      break;
    case 'net':
      if (REFUSING.includes(step.fault)) parts.host(step.host).mayBeRefused = true;
      parts.host(step.host).clients[step.side].disturb(step.fault);
      break;
    case 'cut-after':
      parts.host(step.host).clients[step.side].link.cutAfter(step.messages);
      break;
    case 'reads':
      parts.host(step.host).clients[step.side].link.failReads(step.count, step.how);
      break;
    case 'watches':
      parts.host(step.host).clients.source.failWatches(step.how);
      break;
    case 'late-write':
      parts.host(step.host).lateWrites.delayNext(step.ms);
      break;
    case 'revoke':
      await revoke(parts, step.side);
      break;
    case 'delete-record':
      await parts.foreign.deleteRecord();
      break;
    case 'compact':
      await parts.site(step.side).server.compact(step.behind);
      break;
    case 'snapshot':
      parts.source.snapshotAt = parts.source.truth.current.head;
      parts.source.server.takeSnapshot();
      break;
    case 'restore':
      await restore(parts, step);
      break;
    default:
      step satisfies never;
  }
}

function kill(parts: ReplicationParts, { host: index, at }: Extract<ReplicationStep, { do: 'kill' }>): void {
  const { background } = parts;
  const host = parts.host(index);
  const now = () => {
    // What did not come about before everything heals does not come.
    if (parts.isHealed) return;
    const died = host.kill();
    if (died !== undefined) background.start(died);
  };
  if (at === undefined) {
    now();
    return;
  }
  host.clients.target.link.atMessage(at.messages, () => {
    background.start(afterTurns(at.turns).then(now));
  });
}

async function afterTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
}

async function revoke(parts: ReplicationParts, side: 'source' | 'target'): Promise<void> {
  const { leases } = parts.site(side);
  const [lease] = await leases.list();
  if (lease === undefined) return;
  parts.faults.add(`lease revoked at the ${side}`);
  await leases.revoke(lease);
}

async function restore(
  { source }: ReplicationParts,
  { from, identity, writes }: Extract<ReplicationStep, { do: 'restore' }>,
): Promise<void> {
  const { server, truth } = source;
  const at = (from === 'nothing' ? undefined : source.snapshotAt) ?? 1;
  const isFar = truth.current.head - at >= FAR;
  await server.restore({
    do: 'restore',
    from,
    identity: isFar ? identity : 'new',
    writes:
      isFar && identity === 'same'
        ? []
        : Array.from({ length: writes }, (_, index) => ({ kind: 'put', key: `/elsewhere/${index}`, value: 'good' })),
  });
}
