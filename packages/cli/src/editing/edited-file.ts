import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeUtf8 } from '@holdfast/store/adapter';
import type { Io } from '../terminal/io.js';

/** The file in which a value is edited: in a folder of its own, and for this user's eyes alone. */
export class EditedFile {
  readonly path: string;
  readonly #folder: string;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.path = join(folder, name);
  }

  static async create(key: string, text: string, isJson: boolean, { env }: Pick<Io, 'env'>): Promise<EditedFile> {
    const folder = await mkdtemp(join(env['TMPDIR'] ?? tmpdir(), 'holdfast-edit-'));
    // Editors choose colours and indentation by the name.
    const name = (key.split('/').findLast((part) => part !== '') ?? 'value').replaceAll(/[^\w.-]/g, '_').slice(-60);
    const file = new EditedFile(folder, isJson && !name.endsWith('.json') ? `${name}.json` : name.replace(/^\./, '_'));
    await writeFile(file.path, text, { mode: 0o600 });
    return file;
  }

  /** @returns nothing if it is no UTF-8 text any more, or not there */
  async read(): Promise<string | undefined> {
    try {
      return decodeUtf8(await readFile(this.path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
