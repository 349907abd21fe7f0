// cspell:ignore barsize linewrap
import { SingleBar } from 'cli-progress';
import { widthOf, type Io } from './io.js';

/** How far long work has come. Nothing is shown where no terminal is, or where the results come out of the same one. */
export interface Progress {
  /** @param total how many there will be, where that is known by now */
  update(done: number, total?: number): void;
  /** Takes the bar away. */
  stop(): void;
}

const SILENT: Progress = { update: () => undefined, stop: () => undefined };
const BESIDE_BAR = 48;
/** What is done by then needs no bar. */
const PATIENCE_MS = 500;

/**
 * A progress bar on standard error: how many of how many, the rate, and the time that is left.
 *
 * @param noun what is counted, such as `keys`
 * @param isQuiet true where a bar would be in the way
 */
export function progressBar({ stderr, env }: Pick<Io, 'stderr' | 'env'>, noun: string, isQuiet = false): Progress {
  const width = widthOf(stderr);
  if (width === undefined || isQuiet || env['TERM'] === 'dumb') return SILENT;
  const began = performance.now();
  const barsize = Math.min(40, width - BESIDE_BAR);
  const bar = new SingleBar({
    format: `${barsize >= 5 ? '{bar} ' : ''}{value}/{total} ${noun}, {rate}/s, {eta_formatted} left`,
    barsize: Math.max(barsize, 1),
    barCompleteChar: '#',
    barIncompleteChar: '-',
    stream: stderr,
    clearOnComplete: true,
    // A command that is killed would leave the terminal without a cursor, or without wrapped lines.
    hideCursor: false,
    linewrap: true,
    // The command hears signals itself.
    gracefulExit: false,
  });
  let isStarted = false;
  let known = 0;
  return {
    update: (done, total) => {
      known = total ?? known;
      const seconds = (performance.now() - began) / 1_000;
      if (!isStarted && seconds * 1_000 < PATIENCE_MS) return;
      const payload = { rate: Math.round(done / Math.max(seconds, 0.001)).toLocaleString('en') };
      if (!isStarted) bar.start(known, done, payload);
      isStarted = true;
      bar.setTotal(known);
      bar.update(done, payload);
    },
    stop: () => {
      if (isStarted) bar.stop();
      isStarted = false;
    },
  };
}
