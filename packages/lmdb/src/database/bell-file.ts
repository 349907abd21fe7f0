import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BELL_FILE } from './folder.js';

// The bell's file is written at each commit, to wake others. It says how long the data file was then.
const DIGITS = 15;

export function bellPath(path: string): string {
  return join(path, BELL_FILE);
}

export function bellText(dataBytes: number): string {
  return `${String(dataBytes).padStart(DIGITS, '0')}\n`;
}

/** How long the data file was at some commit. `undefined` where nobody has said so. */
export function bellBytes(path: string): number | undefined {
  try {
    const [, digits] = /^(\d{15})\n/.exec(readFileSync(bellPath(path), 'latin1')) ?? [];
    return digits === undefined ? undefined : Number(digits);
  } catch {
    return undefined;
  }
}
