import { DiskFiles } from './disk-files.js';
import type { DiskImage, DiskMood, DiskNode, DiskOptions, DiskState, Replacement } from './disk-state.js';

/**
 * A disk with the snapshots of one mirror or of several ones. Processes die in the middle of what they do: then a write may be there in part,
 * and any other operation or not at all. When the power fails, what was not synced may be gone, in part too.
 */
export class Disk implements DiskState {
  readonly names = new Map<string, DiskNode>();
  readonly options: DiskOptions;
  /** The names that outlast a power failure. */
  readonly #lasting = new Map<string, DiskNode>();
  readonly #waiting = new Set<() => void>();
  readonly #users = new Set<DiskFiles>();
  #mood: DiskMood = 'works';
  /** How often it failed, or was slow. */
  faults = 0;
  /** Called for each file that is replaced by another one. */
  onReplaced: (replacement: Replacement) => void = () => undefined;

  constructor(options: DiskOptions) {
    this.options = options;
  }

  get mood(): DiskMood {
    return this.#mood;
  }

  /** All processes that use it die. `isSeen`: others can ask the system whether they have ended. */
  endUsers(isSeen: boolean): void {
    for (const files of [...this.#users]) files.die(isSeen);
  }

  /** The files as a process sees them that begins now. */
  open(): DiskFiles {
    const files = new DiskFiles(this, () => this.#users.delete(files));
    this.#users.add(files);
    return files;
  }

  turn(mood: DiskMood): void {
    if (mood !== 'works') {
      if (mood !== this.#mood) this.options.count(`disk: ${mood}`);
      this.faults += 1;
    }
    this.#mood = mood;
    if (mood === 'slow') return;
    for (const go of [...this.#waiting]) go();
  }

  async delay(isSync: boolean): Promise<void> {
    if (this.#mood !== 'slow') return;
    const { clock, random } = this.options;
    await new Promise<void>((resolve) => {
      const go = () => {
        if (this.#waiting.delete(go)) resolve();
      };
      this.#waiting.add(go);
      clock.set('disk', go, random.between(0, isSync ? 120 : 15));
    });
  }

  syncNames(): void {
    this.#lasting.clear();
    for (const [name, node] of this.names) this.#lasting.set(name, node);
  }

  image(): DiskImage {
    return new Map([...this.names].map(([name, { data }]) => [name, data]));
  }

  /** The power fails. Of what was not synced, anything may be there. */
  losePower(): void {
    const { random } = this.options;
    for (const name of new Set([...this.names.keys(), ...this.#lasting.keys()])) {
      const [now, before] = [this.names.get(name), this.#lasting.get(name)];
      const node = now === before || random.chance(0.5) ? now : before;
      if (node === undefined) this.names.delete(name);
      else this.names.set(name, node);
    }
    for (const node of new Set(this.names.values())) {
      const { data, lasting } = node;
      // What was synced is there. What was written over it or behind it may be.
      const kept = data.slice(0, Math.max(lasting.length, random.between(0, data.length)));
      const whole = new Uint8Array(Math.max(kept.length, lasting.length));
      whole.set(kept);
      whole.set(lasting);
      node.data = node.lasting = random.chance(0.5) ? whole : lasting;
    }
    this.syncNames();
  }
}
