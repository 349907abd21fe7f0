import { count } from '../text/inline.js';
import { note, ok, problem, type Finding } from './finding.js';
import type { Answer } from './endpoints.js';

const MIB = 1024 * 1024;
/** Smaller files are not worth the pause that a defragmentation takes. */
const WORTH_DEFRAGMENTING = 100 * MIB;

/** What the members say is wrong with them, and how their files are used. */
export function conditionFindings(answers: readonly Answer[]): Finding[] {
  const statuses = answers.flatMap(({ endpoint, status }) => (status === undefined ? [] : [{ endpoint, ...status }]));
  const telling = statuses.filter(({ alarms }) => alarms !== undefined);
  if (telling.length === 0)
    return statuses.length === 0 ? [] : [note('alarms', 'this backend, or this user, tells none')];
  // Each member tells the alarms of all.
  const alarms = [...new Set(telling.flatMap(({ alarms: own = [] }) => own))];
  const found = alarms.map((alarm) => problem('alarms', alarm, adviceFor(alarm)));
  for (const { endpoint, sizeBytes, sizeInUseBytes } of telling) {
    if (sizeBytes === undefined || sizeInUseBytes === undefined) continue;
    if (sizeBytes < WORTH_DEFRAGMENTING || sizeInUseBytes > sizeBytes / 2) continue;
    found.push(
      problem(
        'size',
        `${endpoint} uses ${mib(sizeInUseBytes)} of its ${mib(sizeBytes)}`,
        'Defragment its members one after the other: etcdctl defrag.',
      ),
    );
  }
  if (found.length > 0) return found;
  const sizes = telling.map(({ sizeBytes = 0 }) => sizeBytes);
  return [ok('alarms', `none of ${count(telling.length, 'member')}; the largest file has ${mib(Math.max(...sizes))}`)];
}

function adviceFor(alarm: string): string {
  if (alarm.includes('NOSPACE')) {
    return 'Compact and defragment etcd, or raise --quota-backend-bytes; then disarm the alarm: etcdctl alarm disarm.';
  }
  if (alarm.includes('CORRUPT')) return 'Replace the member whose data differ, and then disarm the alarm.';
  return 'Look into the logs of this member.';
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toLocaleString('en', { maximumFractionDigits: 2 })} MiB`;
}
