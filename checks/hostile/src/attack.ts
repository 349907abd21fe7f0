import type { Random } from '@holdfast/testkit';

/** Whether an attack has met what it is aimed at. */
export type Struck = () => boolean;

/** Of attacks that every call meets. */
export const ALWAYS_STRIKES: Struck = () => true;

/** One way in which what stands between a store and its server lies, stalls, or breaks off. */
export interface Attack<Wire> {
  readonly name: string;
  /** Whether nothing but the store's own time-outs shows it. */
  readonly isSilent?: boolean;
  /** From now on. What is random about it comes from `random`. It ends when the wire is honest again, and not before it has struck. */
  begin(wire: Wire, random: Random): Struck;
}
