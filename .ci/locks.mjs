// `npm run locks -- --runs N --side-by-side 50 --etcd3 100`: builds the faulted runs of locks, and makes them. See docs/coordination.md.
import { ensureGoProgram, LOCKS } from './bench-go.mjs';
import { provideEtcds } from './etcd.mjs';
import { runCheck } from './run-check.mjs';

await provideEtcds();
// Without Go, nothing shares locks with Go's client.
process.env['HOLDFAST_LOCKS_GO'] ??= (await ensureGoProgram(console.error, LOCKS)) ?? '';
runCheck('locks');
