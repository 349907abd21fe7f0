import { describeViolations } from '@holdfast/testkit';
import type { Generation } from '../plans/generate.js';
import { runCampaign } from './campaign.js';
import type { Failure } from './campaign-result.js';
import type { JobMessage } from './jobs.js';
import type { SeedRange } from './seed-queue.js';
import { StopSignal } from './stop-signal.js';

export const lineOf = ({ seed, violations }: Failure): string =>
  `seed ${seed}: ${describeViolations(violations.slice(0, 1))}`;

/** This process runs the seeds that its parent gives it, until its parent gives no more. */
export function beJob(generation: Generation, keepsGoing: boolean): void {
  // What is sent to the whole group is for the parent: it waits for the parts under way.
  new StopSignal();
  const send = (message: JobMessage) => process.send?.(message);
  process.once('disconnect', () => process.exit());
  process.on('message', (part: SeedRange) => {
    void runCampaign({
      ...part,
      generation,
      onSeed: (_, failure) => {
        if (failure !== undefined) send({ type: 'failed', line: lineOf(failure) });
        return failure === undefined || keepsGoing;
      },
    }).then((result) => send({ type: 'result', part, result }));
  });
  send({ type: 'ready' });
}
