// `npm run hostile -- --attacks N --from K --server 3.5.30`: builds the suite of hostile servers, and runs it. See docs/hostile.md.
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { runCheck } from './run-check.mjs';

process.env[etcdVariable] = formatEtcds(await ensureEtcd());
runCheck('hostile');
