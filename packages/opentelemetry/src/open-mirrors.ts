import type { MirrorChannelEvent, MirrorFigures } from '@holdfast/core';
import type { Subscriptions } from './subscriptions.js';

/** Figures of all open mirrors of one name on one kind of store: processes may have several. */
export interface NamedFigures {
  readonly name: string;
  readonly store: string;
  readonly keys: number;
  readonly problems: number;
  readonly stalenessS: number;
}

/** The mirrors of this process that are open, as far as their events have told. */
export class OpenMirrors {
  readonly #mirrors = new Map<MirrorFigures, MirrorChannelEvent>();

  subscribe(subscriptions: Subscriptions): void {
    const note = (event: MirrorChannelEvent) => {
      if (event.figures.status === 'closed') this.#mirrors.delete(event.figures);
      else this.#mirrors.set(event.figures, event);
    };
    subscriptions.on('holdfast:mirror:load', note);
    subscriptions.on('holdfast:mirror:step', note);
    subscriptions.on('holdfast:mirror:resync', note);
    subscriptions.on('holdfast:mirror:state', note);
    subscriptions.on('holdfast:mirror:problem', note);
    subscriptions.on('holdfast:mirror:audit', note);
  }

  /** Those that have loaded, as they are now. */
  figures(): readonly NamedFigures[] {
    const byName = new Map<string, NamedFigures>();
    for (const { mirror: name, store, figures } of this.#mirrors.values()) {
      const { keys, problems, staleMs } = figures;
      if (staleMs === undefined) continue;
      const id = `${store}\0${name}`;
      const others = byName.get(id);
      byName.set(id, {
        ...{ name, store },
        keys: keys + (others?.keys ?? 0),
        problems: problems + (others?.problems ?? 0),
        stalenessS: Math.max(staleMs / 1_000, others?.stalenessS ?? 0),
      });
    }
    return [...byName.values()];
  }

  forget(): void {
    this.#mirrors.clear();
  }
}
