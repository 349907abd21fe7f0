import type { Clock, Logger } from '@holdfast/store';
import { Engine, type EngineOptions } from './engine.js';
import { Folder } from './folder.js';

// Handles of one process with the same options share one engine: one timer looks after the folder.
const engines = new Set<{ readonly engine: Engine; readonly options: EngineOptions }>();
// All handles of one process on a folder share its file and its writer, whatever their options.
const folders = new Set<{ readonly folder: Folder; readonly path: string; readonly clock: Clock }>();

export function engineFor(options: EngineOptions, logger: Logger): Engine {
  for (const entry of engines) {
    if (entry.engine.isClosed) engines.delete(entry);
    else if (isSame(entry.options, options)) return entry.engine;
  }
  const engine = new Engine(folderFor(options, logger), options, logger);
  engines.add({ engine, options });
  return engine;
}

function folderFor({ path, clock }: EngineOptions, logger: Logger): Folder {
  for (const entry of folders) if (entry.path === path && entry.clock === clock) return entry.folder;
  const folder = new Folder(path, clock, logger);
  const entry = { folder, path, clock };
  folders.add(entry);
  folder.onClosed = () => folders.delete(entry);
  return folder;
}

function isSame(a: EngineOptions, b: EngineOptions): boolean {
  const { clock: aClock, ...aRest } = a;
  const { clock: bClock, ...bRest } = b;
  return aClock === bClock && JSON.stringify(aRest) === JSON.stringify(bRest);
}
