import { Command } from 'commander';
import { addAdapter } from './commands/adapter.js';
import { addApply } from './commands/apply.js';
import { addCheck } from './commands/check.js';
import { addCompact } from './commands/compact.js';
import { addCompletion } from './commands/completion.js';
import { addDelete } from './commands/delete.js';
import { addDiff } from './commands/diff.js';
import { addEdit } from './commands/edit.js';
import { addExport } from './commands/export.js';
import { addGet } from './commands/get.js';
import { addImport } from './commands/import.js';
import { addLease } from './commands/lease.js';
import { addList } from './commands/list.js';
import { addLog } from './commands/log.js';
import { addMigrate } from './commands/migrate.js';
import { addMirror } from './commands/mirror.js';
import { addPut } from './commands/put.js';
import { addReplicate } from './commands/replicate.js';
import { addRollback } from './commands/rollback.js';
import { addStatus } from './commands/status.js';
import { addTxn } from './commands/txn.js';
import { addValidate } from './commands/validate.js';
import { addWatch } from './commands/watch.js';
import type { Session } from './session.js';
import { addGlobalFlags, type GlobalFlags } from './store/store-flags.js';
import { VERSION } from './version.js';

const AFTER_HELP = `
The store has no default: name it with --store, or once for all with HOLDFAST_STORE.
  export HOLDFAST_STORE=etcd-v3://127.0.0.1:2379
  export HOLDFAST_STORE='etcd-v3://root@db1:2379,db2:2379/app/?ca=ca.pem&passwordFile=secret'

Exit codes: 0 done, 1 the answer is "no", 2 wrong use, 3 the store is unavailable, 4 refused, 5 a guard or a conflict,
6 the write may have been applied, 70 a bug, 130 and 143 ended by a signal.
`;

/**
 * The command line: its commands, in the order of the help.
 *
 * @param onMisuse called with the names of a command, such as `lease grant`, before commander throws its complaint about its arguments; with
 *   nothing for the program itself
 */
export function makeProgram(
  session: Session,
  showHelp: (text: string) => void,
  onMisuse: (names: string) => void = () => undefined,
): Command {
  const program = new Command('holdfast');
  program
    .description('Look into a config store, change it, and follow it.')
    .version(VERSION, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: showHelp,
      writeErr: () => undefined,
      getOutHelpWidth: () => session.width ?? 100,
      getErrHelpWidth: () => session.width ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .hook('preAction', (_, command) => {
      session.configure(command.optsWithGlobals<GlobalFlags>());
    });
  addGlobalFlags(program);
  program.addHelpText('after', AFTER_HELP);
  const reading = [addGet, addList, addWatch, addMirror, addLog, addStatus, addCheck, addValidate, addExport, addDiff];
  const writing = [addPut, addEdit, addDelete, addTxn, addLease, addRollback, addImport, addApply, addCompact];
  const moving = [addReplicate, addMigrate];
  for (const add of reading) add(program.commandsGroup('Reading:'), session);
  for (const add of writing) add(program.commandsGroup('Writing:'), session);
  for (const add of moving) add(program.commandsGroup('Between stores:'), session);
  addAdapter(program.commandsGroup('Help:'), session);
  addCompletion(program.commandsGroup('Help:'), session);
  tellMisuse(program, '', onMisuse);
  return program;
}

function tellMisuse(above: Command, names: string, onMisuse: (names: string) => void): void {
  for (const command of above.commands) {
    const own = `${names} ${command.name()}`.trimStart();
    command.exitOverride((error) => {
      onMisuse(own);
      throw error;
    });
    tellMisuse(command, own, onMisuse);
  }
}
