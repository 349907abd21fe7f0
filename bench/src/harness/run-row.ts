import { Bench, type BenchOptions } from './bench.js';
import type { Figures } from './row.js';

export interface RunOptions extends BenchOptions {
  readonly rounds: number;
  readonly onRound: (round: number) => void;
}

/** Side → metric → one figure for each round. */
export type AllFigures = Record<string, Record<string, number[]>>;

/** Runs all rounds of one row. */
export async function runRow({ rounds, onRound, ...options }: RunOptions): Promise<AllFigures> {
  const bench = new Bench(options);
  const all: AllFigures = {};
  try {
    const round = await options.row.start(bench);
    for (bench.round = 0; bench.round < rounds; bench.round += 1) {
      onRound(bench.round);
      const samples = await round();
      for (const [side, { figures }] of Object.entries(samples)) add(all, side, figures);
    }
  } finally {
    await bench.close();
  }
  return all;
}

function add(all: AllFigures, side: string, figures: Figures): void {
  const ofSide = (all[side] ??= {});
  for (const [metric, value] of Object.entries(figures)) (ofSide[metric] ??= []).push(value);
}
