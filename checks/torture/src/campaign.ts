import type { Logger } from '@holdfast/store';
import { Random } from '@holdfast/testkit';
import { nameOfCell } from './cell.js';
import { NotInjected } from './fault.js';
import { LiveWorld } from './live-world.js';
import type { Planned } from './plan.js';
import type { InjectionReport, Mishap } from './report.js';
import { runInjection } from './run-injection.js';
import type { PlannedIn, TestedWorld } from './tested-world.js';

/** After this many injections a new world begins, because a world keeps its whole history in memory. */
const INJECTIONS_PER_WORLD = 30;
const TRIES = 4;

export interface CampaignOptions {
  readonly onInjection: (report: InjectionReport) => void;
  readonly onMishap: (mishap: Mishap) => void;
  /** Receives the messages of stores and mirrors. */
  readonly logger?: Logger | undefined;
  /** Whether coordinators take part, where the store can have them. */
  readonly coordinates?: boolean | undefined;
  /** Called before each injection; `false` ends the campaign. */
  readonly goesOn?: () => boolean;
}

/** Makes the planned injections one after another, in as few worlds as possible. A violation does not stop the campaign. */
export async function runCampaign(plan: readonly Planned[], options: CampaignOptions): Promise<void> {
  await runPlanned(
    plan.map((planned) => inCluster(planned, options.coordinates)),
    options,
  );
}

export function inCluster({ cell, fault, seed }: Planned, coordinates = false): PlannedIn<LiveWorld> {
  const kind = fault.world ?? 'plain';
  return {
    cell: nameOfCell(cell),
    fault,
    seed,
    place: `${nameOfCell(cell)} ${kind} ${coordinates}`,
    start: (logger) => LiveWorld.start(cell, kind, new Random(seed), logger, coordinates),
  };
}

interface Current<W> {
  readonly place: unknown;
  readonly world: W;
  injections: number;
}

/** The same for worlds of any kind. */
export async function runPlanned<W extends TestedWorld>(
  plan: readonly PlannedIn<W>[],
  { onInjection, onMishap, logger, goesOn = () => true }: CampaignOptions,
): Promise<void> {
  let current: Current<W> | undefined;
  const leave = async (): Promise<void> => {
    await current?.world.close();
    current = undefined;
  };
  const enter = async (planned: PlannedIn<W>): Promise<W> => {
    const { place } = planned;
    if (current === undefined || current.place !== place || current.injections >= INJECTIONS_PER_WORLD) {
      await leave();
      current = { place, world: await planned.start(logger), injections: 0 };
    }
    current.injections += 1;
    return current.world;
  };
  try {
    for (const planned of plan) {
      const { cell, fault } = planned;
      for (let trial = 1; trial <= TRIES && goesOn(); trial += 1) {
        // With the same seed it would fail to take effect again.
        const seed = planned.seed + trial - 1;
        try {
          const { report, isReusable } = await runInjection(await enter(planned), fault, seed);
          onInjection(report);
          if (!isReusable) await leave();
          break;
        } catch (error) {
          const isNotInjected = error instanceof NotInjected;
          // A failure of the harness needs its stack. For a fault without effect, the message is enough.
          const message = error instanceof Error && !isNotInjected ? (error.stack ?? error.message) : String(error);
          onMishap({ cell, kind: fault.kind, seed, why: isNotInjected ? 'not-injected' : 'harness', message });
          await leave();
        }
      }
    }
  } finally {
    await leave();
  }
}
