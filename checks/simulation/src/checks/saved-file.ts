import { fileSnapshot, type SnapshotContent } from '@holdfast/core/file-snapshot';
import type { SnapshotStore } from '@holdfast/core';
import type { Bookmark } from '@holdfast/store';
import type { DiskFiles } from '../disks/disk-files.js';
import { snapshotIn } from '../disks/image-files.js';
import { fileDifference } from './file-difference.js';
import { Replacements } from './replacements.js';
import type { HostOptions } from '../mirrors/host-options.js';
import type { Layout } from '../mirrors/opened-mirror.js';
import type { Shown } from '../truth/content.js';

export const SNAPSHOT_PATH = '/var/app.snapshot';

/** The content that a mirror showed from some time on, on the true clock. */
interface Known {
  readonly at: number;
  readonly version: number;
  readonly bookmark: Bookmark;
}

/** What a mirror showed at the last look. */
export interface LastLook {
  readonly bookmark: Bookmark;
  readonly shown: Shown;
}

/**
 * Looks at a mirror's snapshot file whenever its process has died, and when it was closed: it is whole, it is what the store had at its
 * bookmark, and no older than promised.
 */
export class SavedFile {
  readonly #options: HostOptions;
  readonly #layout: Layout;
  #files: DiskFiles | undefined;
  /** What this process has shown, content by content. */
  #known: Known[] = [];
  #faultsBefore = 0;
  /** Whether any process has ever completed a save. */
  #wasSaved = false;

  constructor(options: HostOptions, layout: Layout) {
    this.#options = options;
    this.#layout = layout;
    const replacements = new Replacements(options, layout);
    options.disk.onReplaced = (replacement) => {
      replacements.judge(replacement);
    };
  }

  /** A mirror of a process begins. */
  begin(): SnapshotStore {
    const { disk, plan } = this.#options;
    this.#files = disk.open();
    this.#known = [];
    this.#faultsBefore = disk.mood === 'works' ? disk.faults : -1;
    return fileSnapshot(SNAPSHOT_PATH, { files: this.#files, saveAfterMs: plan.snapshot?.saveMs });
  }

  /** What is on the disk now. */
  read(): Promise<SnapshotContent | undefined> {
    return snapshotIn(this.#options.disk.image(), SNAPSHOT_PATH);
  }

  /** Whether the disk has worked all the time since the mirror began. */
  get isUndisturbed(): boolean {
    const { disk } = this.#options;
    return disk.faults === this.#faultsBefore && disk.mood === 'works';
  }

  note(version: number, bookmark: Bookmark): void {
    const before = this.#known.at(-1);
    const { identity, revision } = before?.bookmark ?? {};
    // The same content of another history is told by its bookmark.
    if (before?.version === version && identity === bookmark.identity && bookmark.revision >= (revision ?? 0)) return;
    this.#known.push({ at: this.#options.clock.now, version, bookmark });
  }

  /** The process of the mirror has died. */
  died(isSeen: boolean, losesPower: boolean, last: LastLook | undefined): void {
    const files = this.#files;
    if (files === undefined) return;
    const { disk, plan } = this.#options;
    // With what an earlier mirror of the same process may still be writing.
    disk.endUsers(isSeen);
    if (losesPower) disk.losePower();
    this.#judge('after its process died', plan.snapshot?.saveMs ?? 0, last);
    this.#files = undefined;
  }

  /** The mirror was closed in order. */
  closed(last: LastLook | undefined): void {
    if (this.#files === undefined) return;
    this.#judge('after it was closed', 0, last);
    this.#files.die(true);
    this.#files = undefined;
  }

  #judge(when: string, maxAgeMs: number, last: LastLook | undefined): void {
    const { clock, background } = this.#options;
    const { savedAt } = this.#files ?? {};
    this.#wasSaved ||= savedAt !== undefined;
    const wasSaved = this.#wasSaved;
    const due = clock.now - maxAgeMs;
    const index = savedAt === undefined || !this.isUndisturbed ? -1 : this.#known.findLastIndex(({ at }) => at <= due);
    const known = index < 0 ? [] : this.#known.slice(index);
    const content = this.read();
    background(
      content.then((read) => {
        if (read !== undefined || wasSaved) this.#check(when, read, known, last);
      }),
    );
  }

  #check(
    when: string,
    content: SnapshotContent | undefined,
    known: readonly Known[],
    last: LastLook | undefined,
  ): void {
    const { name, violated, truth, count } = this.#options;
    const say = (message: string) => {
      violated('snapshot', `the file of ${name}, ${when}, ${message}`);
    };
    count('snapshot file checked');
    const bookmark = content?.header?.bookmark;
    if (content === undefined || content.reason !== undefined || bookmark === undefined) {
      say(`can't be used: ${content?.reason ?? 'it is not there'}`);
      return;
    }
    const { identity, revision } = bookmark;
    const epochs = truth.epochs.filter((epoch) => epoch.identity === identity && epoch.covers(revision));
    const wrong = epochs.map((epoch) => fileDifference(content, epoch, revision, this.#layout));
    if (!wrong.includes(undefined))
      say(`is wrong at ${revision} of ${identity}: ${wrong.at(-1) ?? 'no such revision'}`);
    const [due] = known;
    // Between two looks the mirror may have come to a content, and then on to a later revision of it.
    const isIn = ({ bookmark: at }: Known) =>
      at.identity === identity &&
      (at.revision <= revision ||
        epochs.some(
          (epoch) =>
            epoch.covers(at.revision) && fileDifference(content, epoch, at.revision, this.#layout) === undefined,
        ));
    if (due !== undefined && !known.some(isIn))
      say(`is at ${revision} of ${identity}, and the mirror was at ${due.bookmark.revision} in time`);
    const isSame = last?.bookmark.identity === identity && last.bookmark.revision === revision;
    if (isSame && epochs.length === 1) this.#checkSame(content, last.shown, say);
  }

  /** Of the same revision, it has what the mirror showed: the last good values behind bad ones too. */
  #checkSame({ entries }: SnapshotContent, shown: Shown, say: (message: string) => void): void {
    if (this.#options.plan.decode === 'lazy') return;
    const own = entries.filter(({ key }) => this.#layout.claims(key));
    for (const { key, modRevision } of own) {
      const at = shown.get(key)?.modRevision;
      if (at !== modRevision) say(`has ${key} of ${modRevision}, and the mirror of ${at ?? 'none'}`);
    }
    if (own.length !== shown.size) say(`has ${own.length} keys, and the mirror showed ${shown.size}`);
  }
}
