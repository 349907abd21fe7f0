import type { Logger } from '@holdfast/store';
import { Engine, type EngineOptions } from './engine.js';

// Handles of one process with the same options share one engine: their writes share flushes, and one timer looks after the folder.
const engines = new Set<{ readonly engine: Engine; readonly options: EngineOptions }>();

export function engineFor(options: EngineOptions, logger: Logger): Engine {
  for (const entry of engines) {
    if (entry.engine.isClosed) engines.delete(entry);
    else if (isSame(entry.options, options)) return entry.engine;
  }
  const engine = new Engine(options, logger);
  engines.add({ engine, options });
  return engine;
}

function isSame(a: EngineOptions, b: EngineOptions): boolean {
  const { clock: aClock, ...aRest } = a;
  const { clock: bClock, ...bRest } = b;
  return aClock === bClock && JSON.stringify(aRest) === JSON.stringify(bRest);
}
