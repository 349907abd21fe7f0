import type { ConfigStore, StoreStatus } from '@holdfast/store';
import { count } from '../text/inline.js';
import { failed, note, ok, problem, type Finding } from './finding.js';

/** What one endpoint answered. */
export interface Answer {
  /** `host:port`, or the store's name where it is in the process. */
  readonly endpoint: string;
  readonly status?: StoreStatus;
  readonly error?: unknown;
  readonly ms: number;
}

/** Members that are further behind miss changes for long. Each answers at its own moment, so a busy store is never even. */
const FAR_BEHIND = 1_000;

export async function askEndpoint(store: ConfigStore, endpoint: string, signal: AbortSignal): Promise<Answer> {
  let began = performance.now();
  try {
    await store.status({ signal });
    // The first one also waits for what is loaded, connected and signed in.
    began = performance.now();
    const status = await store.status({ signal });
    return { endpoint, status, ms: performance.now() - began };
  } catch (error) {
    signal.throwIfAborted();
    return { endpoint, error, ms: performance.now() - began };
  }
}

/** Each endpoint by itself, and whether they fit together. */
export function endpointFindings(backend: string, answers: readonly Answer[]): Finding[] {
  const statuses = answers.flatMap(({ status }) => status ?? []);
  const single = answers.map(({ endpoint, status, error, ms }) => {
    if (status === undefined) return failed('endpoint', error, endpoint);
    const version = status.version === undefined ? backend : `${backend} ${status.version}`;
    return ok('endpoint', `${endpoint}: ${version}, revision ${status.revision}, answers in ${ms.toFixed(0)} ms`);
  });
  return [
    ...single,
    ...identityFindings(statuses),
    ...versionFindings(backend, statuses),
    ...leaderFindings(statuses),
    ...memberFindings(answers, statuses),
  ];
}

function identityFindings(statuses: readonly StoreStatus[]): Finding[] {
  const identities = new Set(statuses.map(({ identity }) => identity));
  if (identities.size < 2) return [];
  return [
    problem(
      'endpoint',
      `the endpoints belong to ${identities.size} different stores (${[...identities].join(', ')})`,
      'Name the endpoints of one store only.',
    ),
  ];
}

function versionFindings(backend: string, statuses: readonly StoreStatus[]): Finding[] {
  const versions = [...new Set(statuses.flatMap(({ version }) => version ?? []))];
  const found: Finding[] = [];
  if (versions.length > 1) {
    found.push(problem('version', `the members run ${versions.join(' and ')}`, 'Finish the upgrade of all members.'));
  }
  for (const version of versions.filter((each) => backend.startsWith('etcd') && /^3\.5\.[012]$/.test(each))) {
    found.push(
      problem('version', `etcd ${version} can lose consistency when it is killed`, 'Upgrade to 3.5.3 or later.'),
    );
  }
  for (const version of versions.filter((each) => backend === 'etcd-v3' && /^(2\.|3\.[0-3]\.)/.test(each))) {
    found.push(problem('version', `etcd ${version} is older than the adapter supports`, 'Upgrade to 3.4 or later.'));
  }
  return found;
}

function leaderFindings(statuses: readonly StoreStatus[]): Finding[] {
  const replicated = statuses.filter(({ raftTerm, sizeBytes }) => raftTerm !== undefined && sizeBytes !== undefined);
  const leaderless = replicated.filter(({ leader }) => leader === undefined);
  const revisions = statuses.map(({ revision }) => revision);
  const behind = Math.max(...revisions) - Math.min(...revisions);
  return [
    ...(leaderless.length === 0
      ? []
      : [
          problem(
            'leader',
            `${leaderless.map(({ endpoint = '' }) => endpoint).join(', ')} has no leader: it takes no writes`,
            'Check that most members are running, and can reach each other.',
          ),
        ]),
    ...(statuses.length < 2 || behind < FAR_BEHIND
      ? []
      : [
          problem(
            'endpoint',
            `one member is ${behind.toLocaleString('en')} revisions behind another`,
            'Check the disk and the network of the slower member.',
          ),
        ]),
  ];
}

function memberFindings(answers: readonly Answer[], [first]: readonly StoreStatus[]): Finding[] {
  const members = first?.members ?? [];
  if (members.length === 0) return [];
  const found: Finding[] = [];
  for (const { id, name, endpoints } of members) {
    if (endpoints.length > 0) continue;
    found.push(
      problem(
        'members',
        `member ${name ?? id} was added, and has never started`,
        'Start it, or remove it from the cluster.',
      ),
    );
  }
  const learners = members.filter(({ isLearner }) => isLearner === true).length;
  if (learners > 0) found.push(note('members', `${count(learners, 'member')} only learning: promote when it is ready`));
  const voting = members.length - learners;
  if (voting % 2 === 0) {
    found.push(
      problem(
        'members',
        `an even number of members, ${voting}, survives no more failures than ${voting - 1}`,
        'Run an odd number of members.',
      ),
    );
  }
  if (answers.length < members.length) {
    const named = members.flatMap(({ endpoints }) => endpoints);
    found.push(
      note(
        'members',
        `the store has ${count(members.length, 'member')}, and ${answers.length} of them ${answers.length === 1 ? 'is' : 'are'} named`,
        `Name more of them in the URL, so that it goes on when one is down: ${named.join(', ')}`,
      ),
    );
  }
  return found.length > 0 ? found : [ok('members', `${count(voting, 'member')}, all named`)];
}
