import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

const NICENESS = 10;

/**
 * Lets every other process go first. A fleet runs on the machine of its servers here, which have machines of their own elsewhere: the
 * clients' own work must not look like that of the servers. Processes that this one starts inherit it.
 */
export function yieldToServers(): void {
  // On Linux each thread has a priority of its own.
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), NICENESS);
}
