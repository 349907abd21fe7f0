// Reads which cases the conformance suite ran. The suite's Jest binding appends one JSON line for each backend,
// `{ backend, cases, skipped }`, to the file that HOLDFAST_CONFORMANCE_REPORT names.
import { existsSync, readFileSync } from 'node:fs';

export const reportVariable = 'HOLDFAST_CONFORMANCE_REPORT';

/** The backends that every full run must cover: the embedded stores, a folder, each PostgreSQL, and each etcd through both APIs. etcd 3.6 removed the v2 API. */
export function requiredBackends(etcdVersions, postgresVersions = []) {
  const withV2 = etcdVersions.filter((version) => /^3\.[0-5]\./.test(version));
  return [
    ...['memory', 'memory-prefixed', 'lmdb', 'files'],
    ...etcdVersions.map((version) => `etcd-v3@${version}`),
    ...withV2.map((version) => `etcd-v2@${version}`),
    ...postgresVersions.map((version) => `postgres@${version}`),
  ];
}

/** Backend → `{ cases, skipped }`, added up over all files that bound the suite to it. */
export function readReport(file) {
  const report = new Map();
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  for (const { backend, cases, skipped } of lines.map((line) => JSON.parse(line))) {
    const sum = report.get(backend) ?? { cases: 0, skipped: 0 };
    report.set(backend, { cases: sum.cases + cases, skipped: sum.skipped + skipped });
  }
  return report;
}

/** The problems of a report: a required backend that ran nothing, or one that was given fewer cases than another. */
export function reportProblems(report, etcdVersions, postgresVersions) {
  const required = requiredBackends(etcdVersions, postgresVersions);
  const missing = required.filter((backend) => !(report.get(backend)?.cases > 0));
  if (missing.length > 0) return missing.map((backend) => `the conformance suite did not run on ${backend}`);
  const given = required.map((backend) => report.get(backend).cases + report.get(backend).skipped);
  if (new Set(given).size === 1) return [];
  return [`the conformance suite gave its backends different numbers of cases: ${given.join(', ')}`];
}

export function formatReport(report) {
  const rows = [...report].sort(([a], [b]) => (a < b ? -1 : 1));
  return ['Conformance cases run (skipped: declared capability absent)']
    .concat(
      rows.map(
        ([backend, { cases, skipped }]) =>
          `  ${backend.padEnd(18)} ${String(cases).padStart(4)} run  ${String(skipped).padStart(3)} skipped`,
      ),
    )
    .join('\n');
}
