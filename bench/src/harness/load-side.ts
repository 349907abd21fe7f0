import { measure } from './measure.js';
import { number, text, type Params, type Task } from './task.js';
import type { Load } from '../peers/loaders.js';
import type { Sample, Side } from './row.js';

/** How often the small prefix is loaded to warm V8 up before the measurement. */
export const LOAD_WARMUPS = 3;

export interface LoadParams {
  readonly endpoint: string;
  readonly prefix: string;
  readonly warmupPrefix: string;
  /** How many keys must come, in rows whose content is too large for digests: those take longer than the load. */
  readonly keys?: number;
  readonly [name: string]: string | number;
}

/** A side that loads a prefix. */
export function loadSide(label: string, load: Load): Side {
  return { label, run: (task) => timedLoad(task, load) };
}

async function timedLoad(task: Task, load: Load): Promise<Sample> {
  const { params } = task;
  const endpoint = text(params, 'endpoint');
  await warmUp(load, params);
  // For rows that count bytes. What is measured begins a few milliseconds later.
  task.tell('warmed up');
  const { result, figures } = await measure(() => load(endpoint, text(params, 'prefix')));
  const digest = result.digest();
  await result.close();
  return { figures, digest };
}

export async function warmUp(load: Load, params: Params): Promise<void> {
  for (let time = 0; time < LOAD_WARMUPS; time += 1)
    await (await load(text(params, 'endpoint'), text(params, 'warmupPrefix'))).close();
}

/** Instead of a digest, where so many keys must have come. */
export function assertKeys(loaded: number, params: Params): void {
  if (loaded !== number(params, 'keys')) throw new Error(`${loaded} keys were loaded of ${number(params, 'keys')}`);
}
