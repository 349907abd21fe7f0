import pc from 'picocolors';
import type { Io, OutputStream } from './io.js';

export type Style = ReturnType<typeof pc.createColors>;

/** Colours for a stream: only on a terminal, and never where `NO_COLOR` is set or the terminal has none. */
export function styleFor(stream: OutputStream, env: Io['env']): Style {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return pc.createColors(stream.isTTY === true && !refused);
}
