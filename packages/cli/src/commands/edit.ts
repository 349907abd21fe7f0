import type { Command } from 'commander';
import type { KeyValue } from '@holdfast/store';
import { encodeUtf8 } from '@holdfast/store/adapter';
import { CommandError, usage } from '../exit/command-error.js';
import { EXIT } from '../exit/exit-code.js';
import { EditedFile } from '../editing/edited-file.js';
import { editedText, jsonFault, type EditedText } from '../editing/edited-text.js';
import { chosenEditor, openInEditor } from '../editing/editor.js';
import type { OpenStore, Session } from '../session.js';
import { guardFailed, noKey } from '../text/answers.js';
import { inline, quoted } from '../text/inline.js';
import { resultJson } from '../text/json.js';
import { addCheckFlags, issueLine, readChecks, type CheckFlags } from '../values/check-flags.js';
import { verdictOf, type ValueCheck } from '../values/value-check.js';

interface Flags extends CheckFlags {
  readonly create?: true;
}

export function addEdit(program: Command, session: Session): void {
  const command = program
    .command('edit')
    .summary('edit the value of a key in your editor')
    .description(
      'Opens the value of a key in the editor that VISUAL or EDITOR names, and writes it when the editor is closed: only if nobody has changed the key since it was shown; otherwise the exit code is 5. A value that was JSON has to be JSON again, and --schema and --config say more; where it fails, a terminal offers the editor again. If the text is not written, it stays in a file that is named. A text that was not changed writes nothing. A lease of the key is kept.',
    )
    .argument('<key>', 'the key')
    .option('--create', 'begin with an empty text if there is no such key');
  addCheckFlags(command)
    .addHelpText(
      'after',
      `
JSON on one line is laid out for the editor, and written on one line again.

Examples:
  holdfast edit /app/limits
  EDITOR='code --wait' holdfast edit /app/routes/home --schema /app/routes/=route.schema.json
  EDITOR="sed -i s/80/8080/" holdfast edit /app/port
`,
    )
    .action(async (key: string, flags: Flags) => {
      const editor = chosenEditor(session.io);
      const checks = await readChecks(session, flags);
      await session.withStore(async (open) => {
        const { store, label } = open;
        const entry = await store.get(key, { signal: session.signal });
        if (entry === undefined && !flags.create) throw noKey(key, label);
        const edited = textFor(key, entry);
        const file = await EditedFile.create(key, edited.text, edited.isJson, session.io);
        let isSafe = false;
        try {
          const text = await edit(session, editor, file, { key, edited, checks });
          if (text === undefined) await session.out.line(session.json ? '{"changed":false}' : 'Nothing was changed.');
          else await write(session, open, { key, entry, value: text });
          isSafe = true;
        } finally {
          if (isSafe || (await file.read()) === edited.text) await file.remove();
          else await session.remark(`The edited text is kept in ${inline(file.path)}`, { kept: file.path });
        }
      });
    });
}

function textFor(key: string, entry: KeyValue | undefined): EditedText {
  if (entry?.expiresAt !== undefined && entry.lease === undefined) {
    throw usage(
      `the key ${quoted(key)} has a time to live, which an edit would end`,
      'Write it with "holdfast put --ttl SECONDS".',
    );
  }
  const edited = editedText(entry?.value ?? new Uint8Array());
  if (edited !== undefined) return edited;
  throw usage(
    `the value of ${quoted(key)} is not UTF-8 text`,
    `Save it with "holdfast get ${key} > FILE", and write it with "holdfast put ${key} --file FILE".`,
  );
}

interface Editing {
  readonly key: string;
  readonly edited: EditedText;
  readonly checks: readonly ValueCheck[];
}

/** Opens the editor until the text is good. @returns the value, or nothing if it was not changed */
async function edit(
  session: Session,
  editor: string,
  file: EditedFile,
  { key, edited, checks }: Editing,
): Promise<string | undefined> {
  for (;;) {
    await openInEditor(editor, file.path, session.io);
    session.checkInterrupted();
    const text = await file.read();
    if (text === edited.text) return undefined;
    const value = text === undefined ? '' : edited.toValue(text);
    const faults = text === undefined ? ['the file is gone, or not UTF-8 text any more'] : await faultsOf(value);
    if (faults.length === 0) return value === edited.toValue(edited.text) ? undefined : value;
    const what = `The new value of ${quoted(key)} is bad:${faults.map((fault) => `\n  ${fault}`).join('')}`;
    if (text !== undefined && session.canAsk && !session.json) {
      await session.note(what);
      if (await session.ask('Edit it again?')) continue;
    }
    throw new CommandError('invalid-argument', EXIT.usage, `nothing was changed: ${what}`, 'Mend it, and edit again.');
  }

  async function faultsOf(value: string): Promise<string[]> {
    const fault = edited.isJson ? jsonFault(value) : undefined;
    if (fault !== undefined) return [`it is no JSON: ${inline(fault)}`];
    return (await verdictOf(checks, new Map([[key, encodeUtf8(value)]]))).issues.map(issueLine);
  }
}

interface Written {
  readonly key: string;
  /** As it was shown. */
  readonly entry: KeyValue | undefined;
  readonly value: string;
}

async function write(session: Session, { store, label }: OpenStore, { key, entry, value }: Written): Promise<void> {
  const { signal } = session;
  const guard = entry === undefined ? { ifAbsent: true as const } : { ifModRevision: entry.modRevision };
  const keepLease = entry?.lease === undefined ? {} : { ignoreLease: true };
  const result = await store.put(key, value, { ...guard, ...keepLease, signal });
  if (!result.succeeded) throw guardFailed(key, result, label);
  await session.out.line(
    session.json ? JSON.stringify(resultJson(result)) : `Wrote ${inline(key)} at revision ${result.revision}.`,
  );
}
