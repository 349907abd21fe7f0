// `npm run torture -- --minutes N --seed S …`: builds the fault campaign against real clusters, and runs it. See docs/torture.md.
import { campaignEtcds, ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { runCheck } from './run-check.mjs';

process.env[etcdVariable] = formatEtcds(await ensureEtcd(campaignEtcds));
runCheck('torture');
