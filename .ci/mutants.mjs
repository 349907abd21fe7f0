// `npm run mutants -- [part of a name …] [--unmutated]`: runs, for each mutant, the tests that must find it. See docs/mutants.md.
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { runCheck } from './run-check.mjs';

process.env[etcdVariable] = formatEtcds(await ensureEtcd());
runCheck('mutation');
