import { parseArgs } from 'node:util';
import { FULL_FLEET, FULL_KEYS } from './scale.js';

export interface Arguments {
  /** Names of rows. Empty: all rows except those that run only on request. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly keys: number;
  /** Only the rows of fleets, instead of all others. */
  readonly fleet: boolean;
  /** How many clients a fleet has. */
  readonly clients: number;
  /** An etcd binary instead of those of HOLDFAST_ETCD. */
  readonly etcd: string | undefined;
  /** The file for the results, as JSON. */
  readonly out: string | undefined;
  readonly publish: boolean;
  readonly render: boolean;
  readonly profile: boolean;
  /** The folder of another built checkout. */
  readonly against: string | undefined;
}

export const USAGE = `npm run bench -- [options]

  --only NAME     only this row; may be repeated. Without it: all of them
  --rounds N      how often each side is measured (7)
  --keys N        the size of everything: other sizes follow from it (${FULL_KEYS})
  --fleet         the rows of fleets, on their own; \`npm run bench:fleet\` is short for it. 3 rounds, and ${FULL_FLEET.keys} keys
  --clients N     how many clients a fleet has (${FULL_FLEET.clients})
  --etcd PATH     this etcd binary; without it, 3.4.23, 3.5.16 and 3.7.3; of fleets the last two
  --out FILE      where the figures of this run go, as JSON (.cache/bench/latest.json)
  --publish       put them into bench/results.json too (of fleets: bench/results/fleet.json), and write docs/performance.md from that
  --render        write docs/performance.md from bench/results.json, and measure nothing
  --against DIR   another built checkout: each side of Holdfast runs with its code too, in every round
  --profile       CPU profiles of every side into .cache/bench/profiles, and what took longest. Not for figures
`;

/** @throws Error that names the fault, and shows the usage */
export function parseArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      keys: { type: 'string' },
      fleet: { type: 'boolean', default: false },
      clients: { type: 'string', default: String(FULL_FLEET.clients) },
      etcd: { type: 'string' },
      out: { type: 'string' },
      publish: { type: 'boolean', default: false },
      render: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      against: { type: 'string' },
    },
  });
  if (values.publish && values.against !== undefined)
    throw new Error('--publish is for the figures of this checkout alone: leave --against out');
  return {
    ...values,
    etcd: values.etcd,
    out: values.out,
    against: values.against,
    rounds: whole(values.rounds ?? (values.fleet ? '3' : '7'), '--rounds'),
    keys: whole(values.keys ?? String(values.fleet ? FULL_FLEET.keys : FULL_KEYS), '--keys'),
    clients: whole(values.clients, '--clients'),
  };
}

function whole(text: string, name: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${name} must be a whole number from 1, not ${text}`);
}
