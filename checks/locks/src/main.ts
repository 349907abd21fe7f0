import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { availableEtcds, findEtcd } from '@holdfast/testkit';
import { runCampaign, type CampaignResult } from './campaign.js';
import { excludesGo } from './go-client.js';

const USAGE = 'usage: npm run locks -- --runs 1000 --side-by-side 50 [--etcd3 100] [--server 3.5] [--out FILE]';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    'side-by-side': { type: 'string', default: '50' },
    etcd3: { type: 'string', default: '0' },
    server: { type: 'string', default: '3.5' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** On each server: does Go's client exclude Holdfast, and the other way round? Nothing where there is no Go. */
async function withGo(): Promise<readonly { readonly server: string; readonly violations: readonly string[] }[]> {
  const program = process.env['HOLDFAST_LOCKS_GO'] ?? '';
  if (program === '') return [];
  const results = [];
  for (const { version } of availableEtcds()) {
    results.push({ server: version, violations: await excludesGo(program, version) });
  }
  return results;
}

async function main(): Promise<number> {
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const [runs, sideBySide, peers] = [values.runs, values['side-by-side'], values.etcd3].map(Number);
  if (![runs, sideBySide, peers].every(Number.isSafeInteger) || !(Number(runs) > 0) || !(Number(sideBySide) > 0)) {
    print(USAGE);
    return 2;
  }
  const { version } = findEtcd({ version: values.server });
  const results: CampaignResult[] = [];
  const ours = await runCampaign({ version, client: 'holdfast', runs: runs ?? 0, sideBySide: sideBySide ?? 1 });
  results.push(ours);
  if ((peers ?? 0) > 0) {
    const faults = ['silent', 'key deleted', 'lease revoked'] as const;
    results.push(
      await runCampaign({ version, client: 'etcd3', runs: peers ?? 0, sideBySide: sideBySide ?? 1, faults }),
    );
  }
  for (const result of results)
    print(JSON.stringify({ ...result, violations: result.violations.slice(0, 20) }, null, 1));
  const go = await withGo();
  print(JSON.stringify({ go }));
  if (values.out !== undefined) {
    mkdirSync(dirname(values.out), { recursive: true });
    const command = `npm run locks -- ${process.argv.slice(2).join(' ')}`;
    writeFileSync(values.out, `${JSON.stringify({ command, results, go }, null, 1)}\n`);
  }
  return ours.violations.length === 0 && go.every(({ violations }) => violations.length === 0) ? 0 : 1;
}

main().then(
  // `etcd3` keeps the process alive for leases that it could not revoke.
  (status) => process.exit(status),
  (error: unknown) => {
    print(String(error instanceof Error ? error.stack : error));
    process.exitCode = 2;
  },
);
