import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { availableEtcds, servesV2 } from '@holdfast/testkit';
import { runCampaign, type CampaignResult } from './campaign.js';
import type { Target } from './target.js';
import { V2Target, V3Target } from './targets.js';

const USAGE = `usage: npm run hostile -- --attacks <how many> --from <the first seed> [--server 3.5.30]... [--api v3|v2] [--out FILE]`;

const { values } = parseArgs({
  options: {
    attacks: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    server: { type: 'string', multiple: true },
    api: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

type Start = () => Promise<Target>;

/** How to start each server that the options name. */
function starts(): readonly Start[] {
  const wants = (api: 'v3' | 'v2'): boolean => (values.api ?? api) === api;
  return availableEtcds()
    .filter(({ version }) => values.server?.includes(version) ?? true)
    .flatMap(({ version }): Start[] => [
      ...(wants('v3') ? [() => V3Target.start(version)] : []),
      ...(wants('v2') && servesV2(version) ? [() => V2Target.start(version)] : []),
    ]);
}

async function attackAll(
  start: Start,
  first: number,
  attacks: number,
): Promise<CampaignResult & { readonly server: string }> {
  await using target = await start();
  const result = await runCampaign(target, {
    first,
    attacks,
    onAttack: (name, seed, found) => {
      for (const { what } of found) print(`${target.name}: seed ${seed}, ${name}: ${what}`);
    },
  });
  print(`${target.name}: ${attacks} attacks, ${result.calls} calls, ${result.findings.length} findings`);
  print(JSON.stringify(result.attacks, null, 1));
  return { server: target.name, ...result };
}

async function main(): Promise<number> {
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const [first, attacks] = [Number(values.from), Number(values.attacks)];
  const chosen = starts();
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(attacks) || attacks < 1 || chosen.length === 0) {
    print(USAGE);
    return 2;
  }
  const servers = [];
  for (const start of chosen) servers.push(await attackAll(start, first, attacks));
  if (values.out !== undefined) {
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(
      values.out,
      `${JSON.stringify({ command: `npm run hostile -- ${process.argv.slice(2).join(' ')}`, servers }, null, 1)}\n`,
    );
  }
  return servers.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    print(String(error instanceof Error ? error.stack : error));
    process.exitCode = 2;
  },
);
