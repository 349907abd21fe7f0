// `npm run mutants -- [part of a name …] [--unmutated]`: runs, for each mutant, the tests that must find it. See docs/mutants.md.
import { provideEtcds } from './etcd.mjs';
import { providePostgres } from './postgres.mjs';
import { runCheck } from './run-check.mjs';

await Promise.all([provideEtcds(), providePostgres()]);
runCheck('mutation');
