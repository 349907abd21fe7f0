import type { Command } from 'commander';
import type { KeyValue, OpResult, Txn, TxnResult } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';
import { conflict, usage } from '../exit/command-error.js';
import type { Session } from '../session.js';
import { inline, inlineValue } from '../text/inline.js';
import { resultJson, undecodableJson } from '../text/json.js';

export function addTxn(program: Command, session: Session): void {
  program
    .command('txn')
    .summary('run a transaction: compares, then writes and reads, all at one revision')
    .description(
      'Runs a transaction that is given as JSON: if every compare holds, the operations of "then", otherwise those of "else". If the compares do not hold and there is no "else", the exit code is 5.',
    )
    .argument('<file>', 'the file with the transaction, or - for the standard input')
    .addHelpText(
      'after',
      `
The transaction is that of the contract. A value that is not text is "valueBase64".
  {
    "if":   [{ "key": "/app/a", "target": "modRevision", "op": "=", "value": 4711 }],
    "then": [{ "type": "put", "key": "/app/a", "value": "1" },
             { "type": "delete", "range": { "prefix": "/app/old/" } }],
    "else": [{ "type": "get", "key": "/app/a" }]
  }
Compares have a "key" or a "range"; a target of value, version, createRevision, modRevision or lease; and one of = != < >.
Operations are put, delete, get, list and txn.

Examples:
  holdfast txn change.json
  echo '{"then": [{"type": "put", "key": "a", "value": "1"}]}' | holdfast txn -
`,
    )
    .action(async (file: string) => {
      const txn = parseTxn(Buffer.from(await session.readFile(file)).toString());
      await session.withStore(async ({ store, label }) => {
        const result = await store.txn(txn, { signal: session.signal });
        if (!result.succeeded && txn.else === undefined) {
          await session.out.lineBeforeFailure(session.json ? JSON.stringify(txnJson(result)) : summary(result));
          throw conflict(
            `nothing was changed: a compare of the transaction does not hold in ${label}`,
            'Look at the keys that it compares, and try again.',
          );
        }
        if (session.json) await session.out.line(JSON.stringify(txnJson(result)));
        else await show(session, result);
      });
    });
}

/** The transaction, with bytes for each `valueBase64`. The store checks everything else. */
function parseTxn(text: string): Txn {
  try {
    const parsed: unknown = JSON.parse(text, (_, value: unknown) => withBytes(value));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
    throw new Error('it is no object');
  } catch (error) {
    throw usage(
      `the transaction is not JSON of the form { "if", "then", "else" }: ${inline(messageOf(error))}`,
      'Run "holdfast txn --help" for an example.',
    );
  }
}

function withBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('valueBase64' in value)) return value;
  const { valueBase64, ...rest } = value;
  if (typeof valueBase64 !== 'string' || !/^[\d+/A-Za-z]*={0,2}$/.test(valueBase64) || 'value' in rest) {
    throw new Error('"valueBase64" takes the value in base64, in place of "value"');
  }
  return { ...rest, value: new Uint8Array(Buffer.from(valueBase64, 'base64')) };
}

function txnJson({ results, ...rest }: TxnResult): object {
  return {
    ...rest,
    results: results.map((result) => {
      if (result.type === 'txn') return { ...txnJson(result), type: 'txn' };
      if (result.type !== 'list') return resultJson(result);
      return { ...resultJson(result), undecodable: result.undecodable.map(undecodableJson) };
    }),
  };
}

async function show(session: Session, result: TxnResult): Promise<void> {
  await session.out.line(summary(result));
  await session.out.write(result.results.flatMap((each) => resultLines(each)).join(''));
}

function summary({ succeeded, revision }: TxnResult): string {
  return `The compares ${succeeded ? 'held' : 'did not hold'}. Done at revision ${revision}.`;
}

function resultLines(result: OpResult): string[] {
  switch (result.type) {
    case 'put':
      return [];
    case 'delete':
      return result.deleted === undefined ? [] : [`deleted\t${result.deleted}\n`];
    case 'get':
      return result.item === undefined ? ['absent\n'] : [entryLine(result.item)];
    case 'list':
      return result.items.map(entryLine);
    case 'txn':
      return result.results.flatMap(resultLines);
    default:
      return result satisfies never;
  }
}

function entryLine({ key, modRevision, value }: KeyValue): string {
  return `${inline(key)}\t${modRevision}\t${inlineValue(value)}\n`;
}
