/** Which way bytes go through a proxy: `toClient` is downstream, from the server. */
export type Direction = 'toClient' | 'toServer';

/**
 * Looks at a chunk that is about to be forwarded; `seen` is how many bytes went this way since the cut was armed, over
 * all connections. `false`: go on. `true`: forward this chunk, then cut. A number: forward that many bytes of it, then cut.
 */
export type CutPredicate = (chunk: Uint8Array, seen: number) => boolean | number;

/** A cut waiting for its moment. */
export interface ArmedCut {
  /** Resolves when the connections have been cut; stays pending where that never happens. */
  readonly happened: Promise<void>;
  disarm(): void;
}

/** An armed cut as the lane keeps it. */
export interface CutRule {
  readonly predicate: CutPredicate;
  readonly fire: () => void;
  seen: number;
}

/** What a proxy does to one direction, in all of its connections. */
export interface Lane {
  /** Nothing is forwarded this way; what was accepted is kept for later. */
  stalled: boolean;
  delayMs: number;
  /** For each connection; `Infinity` where the wire is not throttled. */
  bytesPerSecond: number;
  /** Bytes forwarded so far. */
  bytes: number;
  readonly cuts: Set<CutRule>;
}

export function newLane(): Lane {
  return { stalled: false, delayMs: 0, bytesPerSecond: Infinity, bytes: 0, cuts: new Set() };
}

/** How much of `chunk` may go, and the rule that cuts after it, if one does. The earliest cut wins. */
export function inspect(lane: Lane, chunk: Uint8Array): { readonly length: number; readonly rule?: CutRule } {
  let length = chunk.length;
  let first: CutRule | undefined;
  for (const rule of lane.cuts) {
    const verdict = rule.predicate(chunk, rule.seen);
    rule.seen += chunk.length;
    if (verdict === false) continue;
    const at = verdict === true ? chunk.length : Math.min(Math.max(0, verdict), chunk.length);
    if (first === undefined || at < length) {
      first = rule;
      length = at;
    }
  }
  return first === undefined ? { length } : { length, rule: first };
}
