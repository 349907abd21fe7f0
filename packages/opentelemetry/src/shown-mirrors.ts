import type { NamedFigures } from './open-mirrors.js';

/** How often the figures of mirrors that are gone are shown as 0. Once is enough; an export may fail. */
const ZEROS = 3;

interface Shown {
  readonly figures: NamedFigures;
  /** How often 0 was shown. */
  readonly zeros: number;
}

/**
 * The figures as gauges show them. With cumulative temporality, the default of OpenTelemetry's SDKs, a gauge repeats its last value for ever: so
 * the figures of a name whose last mirror has closed are shown as 0 a few times, and then no more.
 */
export class ShownMirrors {
  #shown: ReadonlyMap<string, Shown> = new Map();

  /** @param open the figures of the open mirrors: one for each name and store */
  show(open: readonly NamedFigures[]): readonly NamedFigures[] {
    const shown = new Map<string, Shown>(open.map((figures) => [idOf(figures), { figures, zeros: 0 }]));
    for (const [id, { figures, zeros }] of this.#shown) {
      if (shown.has(id) || zeros === ZEROS) continue;
      shown.set(id, { figures: { ...figures, keys: 0, problems: 0, stalenessS: 0 }, zeros: zeros + 1 });
    }
    this.#shown = shown;
    return [...shown.values()].map(({ figures }) => figures);
  }

  forget(): void {
    this.#shown = new Map();
  }
}

function idOf({ name, store }: NamedFigures): string {
  return `${store}\0${name}`;
}
