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
  try {
    const program = makeProgram(session, (text) => {
      shown += text;
    });
    await program.parseAsync(args, { from: 'user' });
    return session.interruptedBy === undefined ? session.exitCode : EXIT[session.interruptedBy];
  } catch (error) {
    if (!(error instanceof CommanderError)) return await fail(error, session, args);
    // Commander ends help and version with an error too.
    if (error.exitCode !== 0) return await fail(misused(error, args), session, args);
    return await session.out.write(shown).then(
      () => EXIT.done,
      (failure: unknown) => fail(failure, session, args),
    );
  } finally {
    stopListening();
  }
}

async function fail(error: unknown, session: Session, args: readonly string[]): Promise<number> {
  // Whoever closed the pipe has seen enough.
  if (error instanceof OutputClosed) return EXIT.done;
  const { interruptedBy } = session;
  if (interruptedBy !== undefined) {
    if (isStoreError(error) && error.outcome === 'unknown') {
      await session.note(`Stopped by ${interruptedBy} during a write. ${nextStep(error)}`);
    }
    return EXIT[interruptedBy];
  }
  const asJson = session.json || beforeDashes(args).includes('--json');
  const { bold, red } = session.notesStyle;
  await session.note(asJson ? failureJson(error) : `${bold(red('holdfast:'))} ${sentence(error)}\n${nextStep(error)}`);
  return exitCodeOf(error);
}

/** Commander's complaint as one of ours. */
function misused({ message }: CommanderError, args: readonly string[]): Error {
  const [text = '', ...hints] = message.replace(/^error: /, '').split('\n');
  const hint = hints.join(' ').replace(/^\((.*)\)$/, '$1 ');
  const command = beforeDashes(args).find((each) => /^[a-z]/.test(each));
  if (text === '(outputHelp)') return usage('no command is given', 'Run "holdfast --help" for the list of commands.');
  const about = text.startsWith('unknown command') || command === undefined ? '' : `${command} `;
  return usage(text, `${hint}Run "holdfast ${about}--help" for how to use it.`);
}

function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end < 0 ? args : args.slice(0, end);
}
