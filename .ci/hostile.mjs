// `npm run hostile -- --attacks N --from K --server 3.5.30`: builds the suite of hostile servers, and runs it. See docs/hostile.md.
import { provideEtcds } from './etcd.mjs';
import { runCheck } from './run-check.mjs';

await provideEtcds();
runCheck('hostile');
