import { CommanderError } from 'commander';
import { isStoreError } from '@holdfast/store';
import { usage } from './exit/command-error.js';
import { EXIT, exitCodeOf } from './exit/exit-code.js';
import { failureJson, nextStep, sentence } from './exit/explain.js';
import { makeProgram } from './program.js';
import { Session } from './session.js';
import type { Io } from './terminal/io.js';
import { OutputClosed } from './terminal/output.js';

/**
 * Runs the command once.
 *
 * @param args what follows `holdfast` on the command line
 * @returns the exit code
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const session = new Session(io);
  const stopListening = io.onSignal((signal) => {
    session.interrupt(signal);
  });
  let shown = '';
  let misusedCommand = '';
  try {
    const program = makeProgram(
      session,
      (text) => {
        shown += text;
      },
      (name) => {
        misusedCommand = name;
      },
    );
    await program.parseAsync(args, { from: 'user' });
    return session.interruptedBy === undefined ? session.exitCode : EXIT[session.interruptedBy];
  } catch (error) {
    if (!(error instanceof CommanderError)) return await fail(error, session, args);
    // Commander ends help and version with an error too.
    if (error.exitCode !== 0) return await fail(misused(error, misusedCommand), session, args);
    return await session.out.write(shown).then(
      () => EXIT.done,
      (failure: unknown) => fail(failure, session, args),
    );
  } finally {
    stopListening();
  }
}

async function fail(error: unknown, session: Session, args: readonly string[]): Promise<number> {
  // Whoever closed the pipe has seen enough. An answer that is known by then counts all the same.
  if (error instanceof OutputClosed) return session.exitCode;
  const asJson = session.json || beforeDashes(args).includes('--json');
  const { interruptedBy } = session;
  if (interruptedBy !== undefined) {
    if (isStoreError(error) && error.outcome === 'unknown') {
      const text = `Stopped by ${interruptedBy} during a write. ${nextStep(error)}`;
      await session.note(asJson ? failureJson(error) : text);
    }
    return EXIT[interruptedBy];
  }
  const { bold, red } = session.notesStyle;
  await session.note(asJson ? failureJson(error) : `${bold(red('holdfast:'))} ${sentence(error)}\n${nextStep(error)}`);
  return exitCodeOf(error);
}

/**
 * Commander's complaint as one of ours.
 *
 * @param command the names of the command that complains, as commander knows them. An argument is never taken for one: it may be a secret.
 */
function misused({ message }: CommanderError, command: string): Error {
  const [text = '', ...hints] = message.replace(/^error: /, '').split('\n');
  const hint = hints.join(' ').replace(/^\((.*)\)$/, '$1 ');
  if (text === '(outputHelp)') return usage('no command is given', 'Run "holdfast --help" for the list of commands.');
  const about = command === '' ? '' : `${command} `;
  return usage(withoutSecrets(text), `${hint}Run "holdfast ${about}--help" for how to use it.`);
}

/** Commander repeats what it does not know: a URL in place of the command, or an option that is misspelt, with its value. */
function withoutSecrets(text: string): string {
  return text.replace(/:\/\/[^/]*@/, '://…@').replace(/^(unknown option '[^=']*=).*'/, "$1…'");
}

function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end < 0 ? args : args.slice(0, end);
}
