// `npm run fuzz -- --seeds N --from K --server 3.5.30`: builds the differential fuzzer, and runs it. See docs/fuzz.md.
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { runCheck } from './run-check.mjs';

process.env[etcdVariable] = formatEtcds(await ensureEtcd());
runCheck('fuzz');
