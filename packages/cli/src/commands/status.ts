import type { Command } from 'commander';
import type { Capabilities, StoreStatus } from '@holdfast/store';
import type { Session } from '../session.js';
import { inline } from '../text/inline.js';
import { table } from '../text/table.js';

interface Flags {
  readonly capabilities?: true;
}

export function addStatus(program: Command, session: Session): void {
  program
    .command('status')
    .summary("show the store's version, members, revision and size")
    .description('Shows what the store says of itself, or what its backend can do.')
    .option('--capabilities', 'the capabilities of the backend, instead')
    .addHelpText(
      'after',
      `
Examples:
  holdfast status
  holdfast status --json | jq .revision
  holdfast status --capabilities
`,
    )
    .action((flags: Flags) =>
      session.withStore(async ({ store, label }) => {
        if (flags.capabilities) {
          await show(session, store.capabilities, capabilityRows(store.capabilities));
          return;
        }
        const status = await store.status({ signal: session.signal });
        await show(session, status, [['store', label], ['backend', store.name], ...statusRows(status)]);
      }),
    );
}

async function show(session: Session, json: object, rows: readonly (readonly [string, string])[]): Promise<void> {
  if (session.json) await session.out.line(JSON.stringify(json));
  else await session.out.write(table(['WHAT', 'VALUE'], rows, session.width, session.style));
}

function statusRows(status: StoreStatus): [string, string][] {
  const {
    version,
    endpoint,
    revision,
    identity,
    leader,
    raftTerm,
    sizeBytes,
    sizeInUseBytes,
    alarms = [],
    members,
  } = status;
  const optional: [string, string | number | undefined][] = [
    ['version', version],
    ['endpoint', endpoint],
    ['revision', revision],
    ['identity', identity],
    ['leader', leader],
    ['raft term', raftTerm],
    ['size in bytes', sizeBytes],
    ['of them in use', sizeInUseBytes],
  ];
  return [
    ...optional.flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, inline(String(value))]],
    ),
    ...alarms.map((alarm): [string, string] => ['alarm', inline(alarm)]),
    ...members.map(({ id, name, endpoints, isLearner }): [string, string] => [
      isLearner === true ? 'learner' : 'member',
      inline([id, ...(name === undefined ? [] : [name]), ...endpoints].join(' ')),
    ]),
  ];
}

function capabilityRows(capabilities: Capabilities): [string, string][] {
  return Object.entries(capabilities).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
}
