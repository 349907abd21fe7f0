import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Logger } from '@holdfast/store';

/** A folder of a test's own. */
export class TestFolder implements Disposable {
  readonly parent = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
  readonly path = join(this.parent, 'app');

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    mkdirSync(this.path);
    for (const [name, content] of Object.entries(files)) this.save(name, content);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** In place, as `cp` and most editors do. */
  write(name: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), content);
  }

  /** By a rename. */
  save(name: string, content: string | Uint8Array): void {
    const temporary = join(this.parent, 'saved');
    writeFileSync(temporary, content);
    mkdirSync(dirname(this.at(name)), { recursive: true });
    renameSync(temporary, this.at(name));
  }

  delete(name: string): void {
    rmSync(this.at(name), { recursive: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.parent, { recursive: true, force: true });
  }
}

/** Writes a volume as the kubelet does: all files into a new folder, a new link to it, and that link renamed over `..data`. */
export class MountedVolume {
  readonly #path: string;
  #made = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** @param removed how far the removal of the folders before has come when it returns */
  swap(files: Readonly<Record<string, string>>, removed: 'nothing' | 'half' | 'all' = 'all'): void {
    const before = readdirSync(this.#path).filter((name) => name.startsWith('..2024'));
    const name = `..2024_01_01.${(this.#made += 1)}`;
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.#path, name, path)), { recursive: true });
      writeFileSync(join(this.#path, name, path), content);
    }
    mkdirSync(join(this.#path, name), { recursive: true });
    symlinkSync(name, join(this.#path, '..data_tmp'));
    renameSync(join(this.#path, '..data_tmp'), join(this.#path, '..data'));
    const wanted = new Set(Object.keys(files).map((path) => path.split('/')[0] as string));
    const links = readdirSync(this.#path).filter((each) => !each.startsWith('..'));
    for (const each of wanted) if (!links.includes(each)) symlinkSync(join('..data', each), join(this.#path, each));
    for (const each of links) if (!wanted.has(each)) unlinkSync(join(this.#path, each));
    for (const each of before) this.#remove(join(this.#path, each), removed);
  }

  #remove(folder: string, removed: 'nothing' | 'half' | 'all'): void {
    if (removed === 'all') rmSync(folder, { recursive: true });
    if (removed !== 'half') return;
    const files = readdirSync(folder);
    for (const name of files.slice(0, Math.ceil(files.length / 2))) rmSync(join(folder, name), { recursive: true });
  }
}

/** A logger that keeps its lines. */
export function keptLines(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
