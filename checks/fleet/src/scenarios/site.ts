/** Where a fleet runs. */
export interface Site {
  readonly name: string;
  readonly title: string;
  /** The cores of the server's machine. */
  readonly cores: number;
  /** Threads of other programs that run on that machine all the time. */
  readonly others: number;
  /** So many writes a second come from another client, to keys that no mirror has, until all mirrors are live. */
  readonly writesPerSecond: number;
  /** So many client processes run on the same machine. `undefined`: each mirror is a process on a machine of its own. */
  readonly sharedBy: number | undefined;
  /** Between a client and the server, one way, in milliseconds. */
  readonly latencyMs: number;
}

export const sites = {
  /** Where the figures come from that the simulation reproduces. */
  bench: {
    name: 'bench',
    title: 'a machine with two cores for the server and for all mirrors, in six processes',
    cores: 2,
    others: 0,
    writesPerSecond: 0,
    sharedBy: 6,
    latencyMs: 0.2,
  },
  fleet: {
    name: 'fleet',
    title: 'a server with four cores of its own, and each mirror in a process on another machine',
    cores: 4,
    others: 0,
    writesPerSecond: 0,
    sharedBy: undefined,
    latencyMs: 1,
  },
} as const satisfies Record<string, Site>;

export function siteOf(name: string): Site {
  const found = Object.values(sites).find((site) => site.name === name);
  if (found === undefined) throw new Error(`there is no site ${name}; there are: ${Object.keys(sites).join(', ')}`);
  return found;
}
