import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { makeProgram } from '../../src/program.js';
import { Session } from '../../src/session.js';

/** The generated part of docs/cli.md: the help of the whole command, and of each of its commands, as it prints it. */
export function commandSections(): string {
  const session = new Session({
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    env: {},
    cwd: '/',
    self: '/',
    onSignal: () => () => undefined,
    importModule: () => Promise.resolve({}),
  });
  let shown = '';
  const program = makeProgram(session, (text) => {
    shown += text;
  });
  const helpOf = (command: Command) => {
    shown = '';
    command.outputHelp();
    return shown.trimEnd();
  };
  const sections = [`## holdfast\n\n${fence(helpOf(program))}`];
  // The options that all commands have are shown once.
  const shortened = (command: Command) =>
    helpOf(command)
      .replace(/\n\nGlobal Options:\n(?: .*\n?)*/, '\n')
      .trimEnd();
  const hidden = ['complete'];
  for (const command of program.commands.filter((each) => !hidden.includes(each.name()))) {
    sections.push(`## ${command.name()}\n\n${fence(shortened(command))}`);
    for (const below of command.commands) {
      sections.push(`### ${command.name()} ${below.name()}\n\n${fence(shortened(below))}`);
    }
  }
  return `${sections.join('\n\n')}\n`;
}

function fence(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
