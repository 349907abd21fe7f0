import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CommandError, usage } from '../exit/command-error.js';
import { EXIT } from '../exit/exit-code.js';
import { canAsk } from '../terminal/ask.js';
import type { Io } from '../terminal/io.js';
import { quoted } from '../text/inline.js';

/**
 * The editor that the user has chosen: `VISUAL`, or `EDITOR`, or vi on a terminal. It may have arguments, such as `code --wait`.
 *
 * @throws CommandError where there is none
 */
export function chosenEditor(io: Pick<Io, 'env' | 'stdin' | 'stderr'>): string {
  const chosen = [io.env['VISUAL'], io.env['EDITOR']].find((name) => name !== undefined && name.trim() !== '');
  if (chosen !== undefined) return chosen;
  if (canAsk(io)) return process.platform === 'win32' ? 'notepad' : 'vi';
  throw usage('no editor is named, and there is no terminal for one', 'Name one with VISUAL or EDITOR.');
}

/**
 * Opens a file in an editor, and waits until it is closed. The shell reads the editor's name, as git and crontab have it.
 *
 * @throws CommandError if the editor can't be started, or ends as failed
 */
export async function openInEditor(editor: string, file: string, { env, cwd }: Pick<Io, 'env' | 'cwd'>): Promise<void> {
  const options = { stdio: 'inherit' as const, env: { ...env }, cwd };
  const child =
    process.platform === 'win32'
      ? spawn(`${editor} "${file}"`, { ...options, shell: true })
      : spawn('/bin/sh', ['-c', `${editor} "$@"`, editor, file], options);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => {
      resolve(end);
    });
  });
  if (code === 0) return;
  const how = signal === null ? `with code ${code}` : `by ${signal} (${constants.signals[signal]})`;
  throw new CommandError(
    'aborted',
    EXIT.refused,
    `the editor ${quoted(editor)} ended ${how}, so nothing was changed`,
    'Check that VISUAL or EDITOR names an editor, and that it ends with 0.',
  );
}
