import type { Logger } from '@holdfast/store';
import { Random } from '@holdfast/testkit';
import { nameOfCell, type Cell } from './cell.js';
import { NotInjected, type WorldKind } from './fault.js';
import { LiveWorld } from './live-world.js';
import type { Planned } from './plan.js';
import type { InjectionReport, Mishap } from './report.js';
import { runInjection } from './run-injection.js';

/** After this many injections a new world begins, because a world keeps its whole history in memory. */
const INJECTIONS_PER_WORLD = 30;
const TRIES = 4;

export interface CampaignOptions {
  readonly onInjection: (report: InjectionReport) => void;
  readonly onMishap: (mishap: Mishap) => void;
  /** Receives the messages of stores and mirrors. */
  readonly logger?: Logger | undefined;
  /** Called before each injection; `false` ends the campaign. */
  readonly goesOn?: () => boolean;
}

interface Current {
  readonly cell: Cell;
  readonly kind: WorldKind;
  readonly world: LiveWorld;
  injections: number;
}

/** Makes the planned injections one after another, in as few worlds as possible. A violation does not stop the campaign. */
export async function runCampaign(plan: readonly Planned[], options: CampaignOptions): Promise<void> {
  const { onInjection, onMishap, logger, goesOn = () => true } = options;
  let current: Current | undefined;
  const leave = async (): Promise<void> => {
    await current?.world.close();
    current = undefined;
  };
  const enter = async ({ cell, fault, seed }: Planned): Promise<LiveWorld> => {
    const kind = fault.world ?? 'plain';
    const isFit = current?.cell === cell && current.kind === kind && current.injections < INJECTIONS_PER_WORLD;
    if (current === undefined || !isFit) {
      await leave();
      current = { cell, kind, world: await LiveWorld.start(cell, kind, new Random(seed), logger), injections: 0 };
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
          onMishap({
            cell: nameOfCell(cell),
            kind: fault.kind,
            seed,
            why: isNotInjected ? 'not-injected' : 'harness',
            message,
          });
          await leave();
        }
      }
    }
  } finally {
    await leave();
  }
}
