import { basename, dirname, join } from 'node:path';

/** The log of a base, beside it. */
export function logPath(path: string, id: string): string {
  return `${path}.${id}.log`;
}

/** Where a base is written before it takes its place. */
export function temporaryPath(path: string, id: string): string {
  return `${path}.${id}.tmp`;
}

/** Where a snapshot is kept that another one replaces; `isDoubt`: that may be what became of it. */
export function keptPath(path: string, id: string, isDoubt: boolean): string {
  return `${path}.kept-${isDoubt ? 'in-doubt-' : ''}${id}`;
}

/** The logs of a snapshot, or of one that is kept, among the names of its folder. */
export function logsOf(path: string, names: readonly string[]): readonly string[] {
  return named(path, names, /^\.[0-9a-f]{16}\.log$/);
}

/** The snapshots that are kept, without their logs. */
export function keptOf(path: string, names: readonly string[]): readonly string[] {
  return named(path, names, /^\.kept-(?!in-doubt-)[^.]+$/);
}

/** Those that are kept in doubt. */
export function doubtsOf(path: string, names: readonly string[]): readonly string[] {
  return named(path, names, /^\.kept-in-doubt-[^.]+$/);
}

/** Logs and unfinished bases of a snapshot, among the names of its folder. */
export function leftOver(path: string, names: readonly string[], id: string): readonly string[] {
  return named(path, names, /^\.[0-9a-f]{16}\.(?:log|tmp)$/).filter((each) => !each.startsWith(`${path}.${id}.`));
}

/** The files beside a snapshot whose names go on from its own in a certain way. */
function named(path: string, names: readonly string[], rest: RegExp): readonly string[] {
  const start = basename(path);
  const fitting = names.filter((name) => name.startsWith(start) && rest.test(name.slice(start.length)));
  return fitting.map((name) => join(dirname(path), name));
}
