import { type ForeignWrite, RECORD, TO } from './plan.js';
import type { Site } from './site.js';
import type { TargetHistory } from './target-history.js';

export interface ForeignWriterOptions {
  readonly site: Site;
  readonly history: TargetHistory;
  readonly count: (fault: string) => void;
  readonly trace: ((line: string) => void) | undefined;
}

/** Somebody else who writes in the target. */
export class ForeignWriter {
  readonly #options: ForeignWriterOptions;
  #written = 0;

  constructor(options: ForeignWriterOptions) {
    this.#options = options;
  }

  async write({ key: name, act }: ForeignWrite): Promise<void> {
    const { site, history, count, trace } = this.#options;
    const key = TO + name;
    const before = await site.data.get(key);
    if (before === undefined && act !== 'put') return;
    count(`somebody else: ${act}`);
    const value = act === 'equal' && before !== undefined ? before.value : `f${(this.#written += 1)}`;
    const { revision } = await (act === 'delete' ? site.data.delete(key) : site.data.put(key, value));
    history.foreignWrote(key, revision);
    trace?.(`somebody else at ${revision} of the target: ${act} ${key}`);
  }

  async deleteRecord(): Promise<void> {
    const { site, history, count } = this.#options;
    if ((await site.data.get(RECORD)) === undefined) return;
    count('record deleted');
    const { revision } = await site.data.delete(RECORD);
    history.foreignWrote(RECORD, revision);
  }
}
