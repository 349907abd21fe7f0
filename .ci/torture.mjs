// `npm run torture -- --minutes N --seed S …`: builds the fault campaign against real clusters, and runs it. See docs/torture.md.
import { campaignEtcds, provideEtcds } from './etcd.mjs';
import { runCheck } from './run-check.mjs';

await provideEtcds(campaignEtcds);
runCheck('torture');
