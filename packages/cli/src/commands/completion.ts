// cspell:ignore cword
import type { Command, Option } from 'commander';
import type { RootCommand } from '@bomb.sh/tab';
import type { Session } from '../session.js';

const NAME = 'holdfast';

export function addCompletion(program: Command, session: Session): void {
  program
    .command('completion')
    .summary('print the script that completes commands and options in a shell')
    .description(
      'Prints the script that lets a shell complete the commands, the options and their values with the tab key. It asks the command itself, which has to be found by the name holdfast. It never connects to a store.',
    )
    .addArgument(program.createArgument('<shell>', 'the shell').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      `
Examples:
  source <(holdfast completion bash)                            # in ~/.bashrc
  source <(holdfast completion zsh)                             # in ~/.zshrc, at its end
`,
    )
    .action(async (shell: 'bash' | 'zsh') => {
      const { RootCommand } = await import('@bomb.sh/tab');
      const script = printed(() => {
        new RootCommand().setup(NAME, NAME, shell);
      });
      await session.out.line(shell === 'bash' ? bashScript(script) : zshScript(script));
    });

  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { RootCommand } = await import('@bomb.sh/tab');
      const root = new RootCommand();
      describeAll(root, program);
      const answer = printed(() => {
        root.parse(withoutEquals(words));
      }).replace(/\t$/gm, ''); // Else zsh shows an empty description.
      await session.out.line(takesFile(program, words) ? answer.replace(/^:\d+$/, ':0') : answer);
    });
}

/** Options that are complete with their values, as `--store=URL`: the library would take the next word for the value. */
function withoutEquals(words: readonly string[]): string[] {
  return words.filter((word, index) => index === words.length - 1 || !/^--[^=]+=/.test(word));
}

/** What the library prints. It writes to the console, and to nothing else. */
function printed(work: () => void): string {
  const lines: unknown[] = [];
  const { log } = console;
  console.log = (line: unknown) => lines.push(line);
  try {
    work();
  } finally {
    console.log = log;
  }
  return lines.join('\n');
}

const BY_HAND = `# Without the package bash-completion, words end at = and : too.
if ! declare -F _get_comp_words_by_ref > /dev/null; then
    _get_comp_words_by_ref() {
        cword=$COMP_CWORD
        words=("\${COMP_WORDS[@]}")
        cur=\${COMP_WORDS[COMP_CWORD]}
        prev=\${COMP_WORDS[COMP_CWORD-1]}
    }
fi
`;

/**
 * The library's script, with what bash needs besides: the typed words are quoted, or the shell would run what stands in them; the script may
 * be read twice; files are completed where the command says nothing else.
 */
export function bashScript(script: string): string {
  return edited(script, [
    ['complete -- ${words[@]:1}"', 'complete -- $(printf "%q " "${words[@]:1}")"'],
    ['requestComp="$requestComp \'\'"', ': # An empty word is quoted already.'],
    [/^readonly (?=ShellComp)/gm, ''],
    [/^complete -F /m, 'complete -o default -F '],
    ['# Function to handle completions\n', `${BY_HAND}\n# Function to handle completions\n`],
  ]);
}

/** The library's script, which would split words that are quoted, and hand them over with their quotes. */
export function zshScript(script: string): string {
  return edited(script, [['"${=words[1,CURRENT]}"', '"${(@Q)words[1,CURRENT]}"']]);
}

function edited(script: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((text, [from, to]) => {
    const changed = text.replace(from, () => to);
    if (changed === text) throw new Error(`the script of @bomb.sh/tab has no ${String(from)}`);
    return changed;
  }, script);
}

/** Tells the library of all commands. Each takes the options of the whole command too. */
function describeAll(root: RootCommand, program: Command): void {
  const describe = (command: Command, names: string) => {
    const target = names === '' ? root : root.command(names, command.summary() || command.description());
    const help = command.createHelp();
    for (const option of [...help.visibleOptions(command), ...(names === '' ? [] : program.options)]) {
      describeOption(target, option);
    }
    for (const argument of command.registeredArguments) {
      const choices = names === 'help' ? namesOf(program) : argument.argChoices;
      target.argument(
        argument.name(),
        (complete) => {
          for (const choice of choices ?? []) complete(choice, '');
        },
        argument.variadic,
      );
    }
    for (const below of help.visibleCommands(command)) describe(below, `${names} ${below.name()}`.trimStart());
  };
  describe(program, '');
}

function namesOf(program: Command): string[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name());
}

function describeOption(target: ReturnType<RootCommand['command']>, option: Option): void {
  const { long, short, description, argChoices = [], required, optional } = option;
  if (typeof long !== 'string') return;
  const name = long.replace(/^--/, '');
  const alias = short?.replace(/^-/, '');
  if (!required && !optional) {
    if (alias === undefined) target.option(name, description);
    else target.option(name, description, alias);
    return;
  }
  target.option(
    name,
    description,
    (complete) => {
      for (const choice of argChoices) complete(choice, '');
    },
    alias,
  );
}

/** Whether what is typed last is the name of a file or a folder. */
function takesFile(program: Command, words: readonly string[]): boolean {
  const [before = '', current = ''] = words.slice(-2);
  if (current.startsWith('-')) return false;
  let command = program;
  for (const word of words.slice(0, -1)) command = command.commands.find((below) => below.name() === word) ?? command;
  const options = [...command.options, ...program.options];
  const option = options.find(({ long, short }) => before !== '' && (before === long || before === short));
  if (option?.required) return isFile(option.flags);
  return command.registeredArguments.some((argument) => isFile(`<${argument.name()}>`));
}

function isFile(flags: string): boolean {
  return /<(file|folder|plan)>/.test(flags);
}
