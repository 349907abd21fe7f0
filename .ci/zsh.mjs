// cspell:ignore ZDOTDIR fpath zmodload compinit libcap libtinfo
// Makes the shell zsh available to the tests: the system's, or Debian's packages with the functions of its completion, unpacked into .cache/zsh
// and not installed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provideOnPath } from './debian.mjs';

// The folder moves, so the script finds the shell from its own place. Where its modules are can't be told by the environment: only by what
// zsh reads first.
const SCRIPT = `#!/bin/sh
export UNPACKED_ZSH=$(cd "$(dirname "$0")" && pwd) USER_ZDOTDIR="\${ZDOTDIR:-$HOME}" ZDOTDIR
ZDOTDIR="$UNPACKED_ZSH/first"
LD_LIBRARY_PATH=$(echo "$UNPACKED_ZSH"/lib/*-linux-gnu) exec "$UNPACKED_ZSH/bin/zsh" "$@"
`;
const READ_FIRST = `module_path=("$UNPACKED_ZSH"/usr/lib/*-linux-gnu/zsh/*(/))
fpath=("$UNPACKED_ZSH"/usr/share/zsh/functions/**/*(/))
ZDOTDIR=$USER_ZDOTDIR
unset UNPACKED_ZSH USER_ZDOTDIR LD_LIBRARY_PATH
[[ -r $ZDOTDIR/.zshenv ]] && source $ZDOTDIR/.zshenv
`;
/** Its line editor is a module, and its completion is functions. */
const BOTH = ['-c', 'zmodload zsh/zle && autoload -U +X compinit'];

/** See `provideOnPath`. */
export function provideZsh(tell) {
  const program = {
    program: 'zsh',
    args: BOTH,
    packages: ['zsh', 'zsh-common', 'libcap2', 'libtinfo6'],
    complete: (unpacked) => {
      writeFileSync(join(unpacked, 'zsh'), SCRIPT, { mode: 0o755 });
      mkdirSync(join(unpacked, 'first'));
      writeFileSync(join(unpacked, 'first', '.zshenv'), READ_FIRST);
    },
    tests: 'the tests of completion in zsh',
  };
  return provideOnPath(program, tell);
}
