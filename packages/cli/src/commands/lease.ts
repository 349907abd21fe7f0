import type { Command } from 'commander';
import { isStoreError, type ConfigStore, type Lease } from '@holdfast/store';
import { sleep, systemClock } from '@holdfast/store/adapter';
import { usage } from '../exit/command-error.js';
import type { Session } from '../session.js';
import { whole } from '../store/store-flags.js';
import { inline } from '../text/inline.js';

export function addLease(program: Command, session: Session): void {
  const lease = program
    .command('lease')
    .summary('grant, show, keep alive, revoke and list leases')
    .description('Leases: their keys are deleted when nobody keeps the lease alive.')
    .addHelpText(
      'after',
      `
Examples:
  id=$(holdfast lease grant 60 --json | jq -r .id)
  holdfast put /app/members/me up --lease "$id"
  holdfast lease keep-alive "$id"
`,
    );

  lease
    .command('grant')
    .description('Grants a lease, and prints its id.')
    .argument('<seconds>', 'how long it lives without being kept alive', whole('SECONDS'))
    .option('--id <id>', 'the id that it is to have')
    .action((ttl: number, { id }: { readonly id?: string }) =>
      session.withStore(async ({ store }) => {
        const granted = await store.leases.grant(ttl, { signal: session.signal, ...(id !== undefined && { id }) });
        await session.out.line(session.json ? JSON.stringify(granted) : `Lease ${granted.id}, for ${granted.ttl} s.`);
      }),
    );

  lease
    .command('show')
    .description('Shows how long a lease still lives, and its keys.')
    .argument('<id>', 'the lease')
    .action((id: string) =>
      session.withStore(async ({ store }) => {
        const status = await store.leases.timeToLive(id, { signal: session.signal, keys: true });
        if (session.json) {
          await session.out.line(JSON.stringify(status));
          return;
        }
        await session.out.line(`Lease ${status.id}: ${status.ttl} s left of ${status.grantedTtl} s.`);
        await session.out.write((status.keys ?? []).map((key) => `${inline(key)}\n`).join(''));
      }),
    );

  lease
    .command('keep-alive')
    .description(
      'Keeps a lease alive until Ctrl-C, and prints a line each time. It survives an outage that the lease survives.',
    )
    .argument('<id>', 'the lease')
    .option('--once', 'renew it once')
    .action((id: string, { once }: { readonly once?: true }) =>
      session.withStore(async ({ store }) => {
        await keepAlive(session, store, id, once);
      }),
    );

  lease
    .command('revoke')
    .description('Ends a lease at once, and deletes its keys.')
    .argument('<id>', 'the lease')
    .action((id: string) =>
      session.withStore(async ({ store }) => {
        await store.leases.revoke(id, { signal: session.signal });
        await session.out.line(session.json ? JSON.stringify({ id }) : `Revoked lease ${inline(id)}.`);
      }),
    );

  lease
    .command('list')
    .description('Lists the ids of all leases, one on each line.')
    .action(() =>
      session.withStore(async ({ store }) => {
        const ids = await store.leases.list({ signal: session.signal });
        await session.out.write(ids.map((id) => `${session.json ? JSON.stringify({ id }) : id}\n`).join(''));
      }),
    );

  lease.action((_flags: unknown, command: Command) => {
    const [given] = command.args;
    const next = 'Run "holdfast lease --help" for the list of them.';
    throw usage(given === undefined ? 'lease needs a command' : `lease has no command ${JSON.stringify(given)}`, next);
  });
}

/** Renews a lease at a third of its time. A lease that is gone ends it, and so does an outage longer than the lease. */
async function keepAlive(session: Session, store: ConfigStore, id: string, once: boolean | undefined): Promise<void> {
  const { signal } = session;
  let granted: Lease | undefined;
  // By a clock that nobody sets.
  let goodUntil = 0;
  while (!signal.aborted) {
    const asked = performance.now();
    try {
      granted = await store.leases.keepAlive(id, { signal });
      goodUntil = asked + granted.ttl * 1_000;
      await session.out.line(
        session.json ? JSON.stringify(granted) : `Lease ${granted.id} lives for ${granted.ttl} s.`,
      );
    } catch (error) {
      if (signal.aborted) return;
      const mayComeBack = isStoreError(error) && error.retryable && performance.now() < goodUntil;
      if (!mayComeBack) throw error;
      await session.remark(`Lease ${id} was not renewed, and is tried again: ${error.message}`, {
        notRenewed: { id, cause: error },
      });
    }
    if (once) return;
    await sleep(systemClock, Math.min((granted?.ttl ?? 3) * 333, 60_000), signal).catch(() => undefined);
  }
}
