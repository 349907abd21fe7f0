import type { Logger } from '@holdfast/store';
import { Random } from '@holdfast/testkit';
import { nameOfCell, type Cell } from './cell.js';
import { NotInjected, type WorldKind } from './fault.js';
import { LiveWorld } from './live-world.js';
import type { Planned } from './plan.js';
import type { InjectionReport, Mishap } from './report.js';
import { runInjection } from './run-injection.js';

/** A world that is used for ever keeps all of its history: it is left for a new one now and then. */
const INJECTIONS_PER_WORLD = 30;
const TRIES = 4;

export interface CampaignOptions {
  readonly onInjection: (report: InjectionReport) => void;
  readonly onMishap: (mishap: Mishap) => void;
  /** Hears what stores and mirrors ride out. */
  readonly logger?: Logger | undefined;
  /** Asked before each injection. */
  readonly goesOn?: () => boolean;
}

interface Current {
  readonly cell: Cell;
  readonly kind: WorldKind;
  readonly world: LiveWorld;
  injections: number;
}

/** Makes the planned injections one after the other, in worlds that serve for as many as can be. A violation stops nothing. */
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
        // What came to nothing would come to nothing again.
        const seed = planned.seed + trial - 1;
        try {
          const { report, isReusable } = await runInjection(await enter(planned), fault, seed);
          onInjection(report);
          if (!isReusable) await leave();
          break;
        } catch (error) {
          const isNotInjected = error instanceof NotInjected;
          // Where the harness failed is told by the stack; that a fault did not take effect, by its message.
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
