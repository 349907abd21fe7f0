import { fork } from 'node:child_process';
import { type CampaignResult, CampaignTotals } from './campaign-result.js';
import { type SeedRange, SeedQueue } from './seed-queue.js';

/** A message from a process that runs parts of a campaign to its parent. */
export type JobMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly line: string }
  | { readonly type: 'result'; readonly part: SeedRange; readonly result: CampaignResult };

/** How many seeds a process gets at a time. A campaign that is stopped waits for them, about a second. */
const SEEDS_AT_A_TIME = 4;

export interface JobsOptions extends SeedRange {
  readonly jobs: number;
  readonly generation: number;
  readonly keepsGoing: boolean;
  /** Called after each part, with what all seeds up to there gave; `false` ends the campaign. */
  readonly onProgress: (soFar: CampaignResult) => boolean;
  readonly onFailure: (line: string) => void;
}

/** Runs a campaign in several processes. Its result is of all seeds from the first up to some seed. */
export async function runInJobs(program: string, options: JobsOptions): Promise<CampaignResult> {
  const { jobs, generation, keepsGoing, onProgress, onFailure } = options;
  const totals = new CampaignTotals();
  const queue = new SeedQueue<CampaignResult>(options, SEEDS_AT_A_TIME, (result) => {
    totals.add(result);
    const goesOn = onProgress(totals.result()) && (keepsGoing || result.failures.length === 0);
    if (!goesOn) queue.stop();
  });
  const args = ['--job', '--generation', String(generation), ...(keepsGoing ? ['--keep-going'] : [])];
  await Promise.all(Array.from({ length: jobs }, () => runJob(program, args, queue, onFailure)));
  return totals.result();
}

function runJob(
  program: string,
  args: readonly string[],
  queue: SeedQueue<CampaignResult>,
  onFailure: (line: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [...args]);
    const giveMore = () => {
      const part = queue.take();
      if (part === undefined) child.disconnect();
      else child.send(part);
    };
    child.on('message', (message: JobMessage) => {
      if (message.type === 'failed') {
        onFailure(message.line);
        return;
      }
      if (message.type === 'result') queue.finish(message.part, message.result);
      giveMore();
    });
    child.once('error', reject);
    child.once('exit', (status, signal) => {
      if (status === 0) resolve();
      else reject(new Error(`a job ended with ${status ?? signal ?? 'nothing'}`));
    });
  });
}
