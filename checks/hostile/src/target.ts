import type { ConfigStore } from '@holdfast/store';
import type { Random } from '@holdfast/testkit';
import type { Struck } from './attack.js';

/** A real server, wires in front of it that can be led astray, and stores on both sides of them. */
export interface Target extends AsyncDisposable {
  /** Such as `etcd 3.5.30`. */
  readonly name: string;
  /** Keys below it are mirrored all the time; only the truth writes them. */
  readonly prefix: string;
  /** Keys below it are more than a page. */
  readonly bigPrefix: string;
  /** Keys below it are written by calls under attack. */
  readonly writtenPrefix: string;
  /** A store that no wire is in front of. */
  readonly direct: ConfigStore;
  /** The names of the attacks. */
  readonly attacks: readonly string[];
  /** A store behind a wire that soon asks whether a silent connection still works. */
  open(): ConfigStore;
  /** A store behind a wire that does not ask: its watches go on only if they notice by themselves what became of them. */
  openPatient(): ConfigStore;
  /** Whether nothing but the store's own time-outs shows that attack. */
  isSilent(name: string): boolean;
  attack(name: string, random: Random): Struck;
  /** The wires are honest again. */
  heal(): void;
}
