// `npm run fuzz -- --seeds N --from K --server 3.5.30`: builds the differential fuzzer, and runs it. See docs/fuzz.md.
import { provideEtcds } from './etcd.mjs';
import { providePostgres } from './postgres.mjs';
import { runCheck } from './run-check.mjs';

await Promise.all([provideEtcds(), providePostgres()]);
runCheck('fuzz');
