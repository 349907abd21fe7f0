import type { Applications } from './applications.js';
import type { Parts } from './parts.js';
import type { Step, Sudden } from '../plans/plan.js';

/** Sudden events: they happen at any message, and at any await after it. */
export class Surprises {
  readonly #parts: Parts;
  readonly #applications: Applications;
  #areOver = false;

  constructor(parts: Parts, applications: Applications) {
    this.#parts = parts;
    this.#applications = applications;
  }

  /** Cancels events that have not happened yet. */
  end(): void {
    this.#areOver = true;
  }

  prepare({ client, messages, turns, then }: Extract<Step, { do: 'at' }>): void {
    this.#parts.client(client).link.atMessage(messages, () => {
      void (async () => {
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        // A batch that a consumer received before it closes its watch is recorded a turn later.
        if (then.do === 'watch') await new Promise((resolve) => setImmediate(resolve));
        if (!this.#areOver) this.#come(then);
      })();
    });
  }

  #come(sudden: Sudden): void {
    const { trace, faults, background, server } = this.#parts;
    trace?.(`* suddenly ${JSON.stringify(sudden)}`);
    faults.add(`at an await: ${nameOf(sudden)}`);
    switch (sudden.do) {
      case 'compact':
        background.start(server.compact(sudden.behind));
        break;
      case 'net':
        this.#parts.client(sudden.client).disturb(sudden.fault);
        break;
      case 'mirror':
        this.#applications.actOnMirror(sudden);
        break;
      case 'die':
        this.#parts.processes.die(sudden.client, sudden.how, sudden.downMs);
        break;
      case 'watch':
        this.#applications.actOnWatch(sudden);
        break;
      default:
        sudden satisfies never;
    }
  }
}

function nameOf(sudden: Sudden): string {
  if (sudden.do === 'compact') return 'compaction';
  if (sudden.do === 'die') return 'death';
  return `${sudden.do} ${'act' in sudden ? sudden.act : sudden.fault}`;
}
