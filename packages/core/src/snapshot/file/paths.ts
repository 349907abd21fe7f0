import { basename, dirname, join } from 'node:path';

/** The log of a base, beside it. */
export function logPath(path: string, id: string): string {
  return `${path}.${id}.log`;
}

/** Where a base is written before it takes its place. */
export function temporaryPath(path: string, id: string): string {
  return `${path}.${id}.tmp`;
}

/** Where a snapshot is kept that another one replaces. */
export function keptPath(path: string, id: string): string {
  return `${path}.kept-${id}`;
}

/** Logs and unfinished bases of a snapshot, among the names of its folder. */
export function leftOver(path: string, names: readonly string[], id: string): readonly string[] {
  const start = `${basename(path)}.`;
  const left = names.filter((name) => {
    const match = name.startsWith(start) ? /^([0-9a-f]{16})\.(?:log|tmp)$/.exec(name.slice(start.length)) : null;
    return match !== null && match[1] !== id;
  });
  return left.map((name) => join(dirname(path), name));
}
