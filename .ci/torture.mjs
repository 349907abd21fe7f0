// `npm run torture -- --minutes N --seed S …`: builds the fault campaign against real servers, and runs it. See docs/torture.md.
import { campaignEtcds, provideEtcds } from './etcd.mjs';
import { providePgbouncer } from './pgbouncer.mjs';
import { providePostgres } from './postgres.mjs';
import { runCheck } from './run-check.mjs';

await Promise.all([provideEtcds(campaignEtcds), providePostgres(), providePgbouncer()]);
runCheck('torture');
