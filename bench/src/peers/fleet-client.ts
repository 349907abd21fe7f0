export interface FleetPlace {
  readonly endpoints: readonly string[];
  readonly prefix: string;
}

/** One client of a fleet: it keeps a prefix in memory, and comes back by itself after it has lost its server. It ends with its process. */
export interface FleetClient {
  /** Loads after the first one. */
  readonly reloads: number;
  /** Requests that its own time limit has ended. */
  readonly timeouts: number;
  /** Whether it has everything up to this revision, and follows. */
  isAt(revision: number): boolean;
  digest(): string;
}

export interface FleetPeer {
  /** Loads the code, so that a client's start is not the start of Node. */
  prepare(): Promise<unknown>;
  /** Resolves when the client has everything, and follows. */
  open(place: FleetPlace): Promise<FleetClient>;
}
