import type { Command } from 'commander';
import { bytes, mirror, type Change, type ChangeEvent, type MirrorState, type Problem } from '@holdfast/core';
import { isStoreError } from '@holdfast/store';
import type { Session } from '../session.js';
import { prefixRange } from '../store/ranges.js';
import { count, fit, inline, inlineValue } from '../text/inline.js';
import { valueJson } from '../text/json.js';

interface Flags {
  readonly all?: true;
}

export function addMirror(program: Command, session: Session): void {
  program
    .command('mirror')
    .summary('print what is below a prefix and each change of it, through every fault')
    .description(
      'Prints the keys that begin with a prefix, and then a line for each change: revision, kind, key, value. An application sees the same in a mirror: after a compaction or a restored backup it reads again and prints the differences. Standard error says when the mirror is stale, and when it is live again. Ctrl-C ends it.',
    )
    .argument('[prefix]', 'the beginning of the keys')
    .option('--all', 'every key of the store, instead of a prefix')
    .addHelpText(
      'after',
      `
The kinds are load, create, update and delete. Where changes come faster than they are read, only the latest of a key is printed.

Examples:
  holdfast mirror /app/
  holdfast mirror /app/ --json | jq -c '[.type, .key]'
`,
    )
    .action((prefix: string | undefined, flags: Flags) => {
      const range = prefixRange(prefix, flags.all);
      return session.withStore(async ({ store }) => {
        const { signal } = session;
        const said = new States(session);
        const following = await mirror(store, {
          ...range,
          codec: bytes(),
          signal,
          startTimeoutMs: session.timeoutMs,
          onState: (state) => {
            said.state(state);
          },
          onInvalid: (problem) => {
            said.problem(problem);
          },
        });
        following.on('resync', ({ reason, changed }) => {
          said.say(`Everything was read again (${reason}): ${count(changed, 'key')} differed.`, {
            resync: { reason, changed },
          });
        });
        try {
          for await (const event of following.changes({ replay: true, signal })) {
            await session.out.write(lines(session, range.prefix, event));
          }
        } catch (error) {
          // A signal is how a mirror ends: there is nothing to complain about.
          if (!(signal.aborted && isStoreError(error, 'aborted'))) throw error;
        } finally {
          await following.close();
        }
      });
    });
}

/** Says on standard error how the mirror is. */
class States {
  readonly #session: Session;
  #isGood = true;
  #notLoaded: string | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  state(state: MirrorState): void {
    // The load is told by its entries, and the end by the exit code.
    if (state.status === 'closed') return;
    if (state.status === 'loading') {
      const message = state.cause?.message;
      // Each attempt fails with much the same message.
      if (message !== undefined && message !== this.#notLoaded) this.say(`Not loaded yet: ${message}`, { state });
      this.#notLoaded = message;
      return;
    }
    const isGood = state.status === 'live' && state.connection === 'connected';
    if (isGood && this.#isGood) return;
    this.#isGood = isGood;
    const cause = state.cause === undefined ? '' : `: ${state.cause.message}`;
    if (isGood) this.say('The mirror is live again.', { state });
    else if (state.status === 'live') this.say(`The store does not answer, and changes may be late${cause}`, { state });
    else if (state.status === 'stale') this.say(`The mirror is stale (${state.reason})${cause}`, { state });
  }

  problem(problem: Problem): void {
    const key = problem.key === undefined ? 'A key' : `The key ${inline(problem.key)}`;
    this.say(`${key} can't be shown: ${problem.reason}`, { problem });
  }

  say(text: string, json: object): void {
    void this.#session.note(this.#session.json ? JSON.stringify(json) : text);
  }
}

function lines(
  session: Session,
  prefix: string,
  { changes, cause, bookmark }: ChangeEvent<Change<Uint8Array>>,
): string {
  const isLoad = cause === 'load';
  return changes
    .map((change) => {
      if (session.json) return `${JSON.stringify(changeJson(prefix, change, { cause, bookmark }))}\n`;
      const { key, previous } = change;
      const kind = change.type === 'delete' ? 'delete' : isLoad ? 'load' : previous === undefined ? 'create' : 'update';
      const current = change.type === 'put' ? change.current : undefined;
      const fields = [
        String(current?.modRevision ?? bookmark.revision),
        kind,
        inline(prefix + key),
        ...(current === undefined ? [] : [inlineValue(current.value)]),
      ];
      if (session.width === undefined) return `${fields.join('\t')}\n`;
      const line = fit(fields.join('  '), session.width);
      const { red, green } = session.style;
      return `${kind === 'delete' ? red(line) : kind === 'create' ? green(line) : line}\n`;
    })
    .join('');
}

function changeJson(prefix: string, change: Change<Uint8Array>, rest: object): object {
  const key = prefix + change.key;
  const entry = ({ value, modRevision, createRevision, version }: NonNullable<typeof change.previous>) => ({
    key,
    ...valueJson(value),
    createRevision,
    modRevision,
    ...(version !== undefined && { version }),
  });
  return {
    type: change.type,
    key,
    ...(change.type === 'put' && { current: entry(change.current) }),
    ...(change.previous !== undefined && { previous: entry(change.previous) }),
    ...rest,
  };
}
