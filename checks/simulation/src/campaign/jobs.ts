import { fork } from 'node:child_process';
import { type CampaignResult, CampaignTotals } from './campaign-result.js';

/** A message from a process that runs a part of a campaign to its parent. */
export type JobMessage =
  | { readonly type: 'done'; readonly worlds: number }
  | { readonly type: 'failed'; readonly line: string }
  | { readonly type: 'result'; readonly result: CampaignResult };

export interface JobsOptions {
  readonly jobs: number;
  readonly first: number;
  readonly seeds: number;
  readonly generation: number;
  readonly keepsGoing: boolean;
  readonly onProgress: (worlds: number) => void;
  readonly onFailure: (line: string) => void;
}

/** Runs a campaign in several processes, each with a part of the seeds. */
export async function runInJobs(program: string, options: JobsOptions): Promise<CampaignResult> {
  const { jobs, first, seeds, generation, keepsGoing, onProgress, onFailure } = options;
  const totals = new CampaignTotals();
  const worlds = new Map<number, number>();
  const share = Math.ceil(seeds / jobs);
  await Promise.all(
    Array.from({ length: jobs }, async (_, index) => {
      const from = first + index * share;
      const count = Math.min(share, first + seeds - from);
      if (count < 1) return;
      const part = ['--seeds', String(count), '--seed', String(from), '--generation', String(generation)];
      const args = ['--job', ...part, ...(keepsGoing ? ['--keep-going'] : [])];
      await runJob(program, args, (message) => {
        if (message.type === 'failed') onFailure(message.line);
        else if (message.type === 'result') totals.add(message.result);
        else {
          worlds.set(index, message.worlds);
          onProgress([...worlds.values()].reduce((sum, each) => sum + each, 0));
        }
      });
    }),
  );
  return totals.result();
}

function runJob(program: string, args: readonly string[], onMessage: (message: JobMessage) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [...args]);
    child.on('message', (message) => {
      onMessage(message as JobMessage);
    });
    child.once('error', reject);
    child.once('exit', (status, signal) => {
      if (status === 0 || status === 1) resolve();
      else reject(new Error(`a job ended with ${status ?? signal ?? 'nothing'}`));
    });
  });
}
