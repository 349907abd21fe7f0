import type { Bookmark } from '@holdfast/store';
import { difference, type Shown } from '../truth/content.js';
import { matchHistory } from './history-match.js';
import type { HostOptions } from '../mirrors/host-options.js';
import { isOpen, type Layout, type OpenedMirror } from '../mirrors/opened-mirror.js';
import type { Epoch } from '../truth/truth.js';

/** The result of one look at the mirror. */
interface Sight {
  readonly bookmark: Bookmark;
  readonly version: number;
  readonly shown: Shown;
  /** The history that has this state, if there is one. */
  readonly epoch: Epoch | undefined;
}

/** Looks at a mirror's whole content, as a synchronous reader could. Each time it must be a history's state at the bookmark. */
export class Observer {
  readonly #options: HostOptions;
  readonly #layout: Layout;
  #opened: OpenedMirror | undefined;
  /** The last look at the current mirror. */
  #seen: Sight | undefined;
  looks = 0;

  constructor(options: HostOptions, layout: Layout) {
    this.#options = options;
    this.#layout = layout;
  }

  /** The current mirror; it may be closed. */
  get opened(): OpenedMirror | undefined {
    return this.#opened;
  }

  get isOpen(): boolean {
    return isOpen(this.#opened);
  }

  /** The content at the last look. */
  get shown(): Shown | undefined {
    return this.#seen?.shown;
  }

  /** The content at the last look, and the bookmark then. */
  get last(): { readonly shown: Shown; readonly bookmark: Bookmark } | undefined {
    return this.#seen;
  }

  /** Changes the mirror that it looks at; `undefined`: none. */
  turnTo(opened: OpenedMirror | undefined): void {
    this.#opened = opened;
    this.#seen = undefined;
  }

  look(when: string): void {
    if (this.#opened === undefined) return;
    const { mirror } = this.#opened;
    const { bookmark, version } = mirror;
    const { plan, name, truth, violated } = this.#options;
    const before = this.#seen;
    // Nothing has changed since the last look, which passed.
    if (plan.decode === 'eager' && before !== undefined && isOf(before, bookmark, version)) return;
    this.looks += 1;
    const shown = this.#opened.shown();
    const match = matchHistory(shown, bookmark, {
      mirror,
      kind: plan.kind,
      layout: this.#layout,
      truth,
      formerly: (key) => before?.shown.get(key),
    });
    if (match.wrong !== undefined)
      violated(match.guarantee, `${name} at ${bookmark.revision}, ${when}: ${match.wrong}`);
    const sight = { bookmark, version, shown, epoch: match.epoch };
    if (before !== undefined) this.#checkIdentity(before, sight, when);
    this.#seen = sight;
  }

  #checkIdentity(before: Sight, { shown, version }: Sight, when: string): void {
    const { plan, name, violated } = this.#options;
    let isSame = before.shown.size === shown.size;
    for (const [key, entry] of shown) {
      const former = before.shown.get(key);
      if (former === entry) continue;
      isSame = false;
      if (former === undefined || former.modRevision !== entry.modRevision) continue;
      if (former.createRevision !== entry.createRevision) continue;
      if (JSON.stringify(former.value) === JSON.stringify(entry.value))
        violated(
          'identity',
          `${name} has another entry for ${key}, which is unchanged at ${entry.modRevision}, ${when}`,
        );
    }
    if (plan.decode === 'lazy') return;
    if (isSame && version !== before.version)
      violated('version', `${name} went from version ${before.version} to ${version} with the same content, ${when}`);
    if (!isSame && version === before.version)
      violated('version', `${name} has other content at the same version ${version}, ${when}`);
  }

  /** Whether the last look, or a new one, shows the history's state. */
  shows(epoch: Epoch): boolean {
    return this.#seen?.epoch === epoch || this.isEqualTo(epoch);
  }

  /** Whether the mirror now shows the history's state at the bookmark. */
  isEqualTo(epoch: Epoch): boolean {
    if (this.#opened === undefined) return false;
    const { bookmark } = this.#opened.mirror;
    if (bookmark.identity !== epoch.identity || !epoch.covers(bookmark.revision)) return false;
    return (
      difference(this.#opened.shown(), epoch, bookmark.revision, {
        claims: this.#layout.claims,
        formerly: () => undefined,
        epochs: this.#options.truth.epochs,
        isLazyCopy: false,
      }) === undefined
    );
  }
}

/** Whether an eager mirror of this bookmark and version shows the same content. */
function isOf(sight: Sight, { identity, revision }: Bookmark, version: number): boolean {
  return sight.version === version && sight.bookmark.revision === revision && sight.bookmark.identity === identity;
}
