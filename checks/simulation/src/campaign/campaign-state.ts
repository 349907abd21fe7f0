import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Generation } from '../plans/generate.js';
import { type CampaignResult, CampaignTotals } from './campaign-result.js';

/** A part of a campaign, as one command ran it. */
export interface CampaignRun {
  readonly first: number;
  readonly run: number;
  readonly seconds: number;
}

/** What a campaign is about. What was run of another one can't be added. */
export interface CampaignSubject {
  readonly commit: string;
  readonly generation: Generation;
  readonly first: number;
}

/** A campaign that several commands run one after another: its runs, each of which began where the one before it ended, and their sum. */
export interface CampaignState extends CampaignSubject {
  readonly runs: readonly CampaignRun[];
  readonly result: CampaignResult;
}

/** A campaign that nothing was run of. */
export function newState({ commit, generation, first }: CampaignSubject): CampaignState {
  return { commit, generation, first, runs: [], result: new CampaignTotals().result() };
}

/** The first seed that was not run. */
export function nextSeed({ first, result }: CampaignState): number {
  return first + result.seeds;
}

/** The campaign with one more run, from its next seed on. */
export function withRun(state: CampaignState, result: CampaignResult, seconds: number): CampaignState {
  if (result.seeds === 0) return state;
  const totals = new CampaignTotals();
  totals.add(state.result);
  totals.add(result);
  const run = { first: nextSeed(state), run: result.seeds, seconds: Math.round(seconds) };
  return { ...state, runs: [...state.runs, run], result: totals.result() };
}

/** What a file says of a campaign; a new one if there is no file. */
export function readState(file: string, subject: CampaignSubject): CampaignState {
  if (!existsSync(file)) return newState(subject);
  const state = JSON.parse(readFileSync(file, 'utf8')) as CampaignState;
  for (const name of ['commit', 'generation', 'first'] as const) {
    if (state[name] !== subject[name])
      throw new Error(
        `${file} is of another campaign: its ${name} is ${state[name]}, and not ${subject[name]}. Name another file, or remove this one`,
      );
  }
  return state;
}

/** Whoever is killed meanwhile leaves the file as it was. */
export function writeState(file: string, state: CampaignState): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(state)}\n`);
  renameSync(`${file}.new`, file);
}
