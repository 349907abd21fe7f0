import { resolve } from 'node:path';
import { memory } from '@holdfast/memory';
import { etcdV2 } from '@holdfast/etcd-v2';
import { etcdV3 } from '@holdfast/etcd-v3';
import { isStoreError, openStore } from '@holdfast/store';
import { parseArguments, USAGE, type Arguments } from './quickstart/arguments.js';
import { readConfigFile } from './quickstart/config-file.js';
import { Demonstration } from './quickstart/demonstration.js';
import { filePlan } from './quickstart/file-plan.js';
import { gatewayPlan } from './quickstart/gateway-plan.js';
import { OwnPrefix } from './quickstart/own-prefix.js';
import type { Plan } from './quickstart/plan.js';
import { count, printer, type Printer } from './quickstart/printer.js';
import { mayCompact } from './quickstart/shared-history.js';
import { QuickstartError } from './quickstart/quickstart-error.js';

const print = (line: string) => {
  console.log(line);
};

async function choosePlan(file: string | undefined): Promise<Plan> {
  if (file === undefined) return gatewayPlan;
  // npm runs scripts in the folder of package.json. This variable holds the user's own folder.
  const { entries, overwritten } = await readConfigFile(resolve(process.env['INIT_CWD'] ?? '', file));
  const again = overwritten === 0 ? '' : `, ${count(overwritten, 'line')} of them overwritten by later ones`;
  return filePlan(`${count(entries.length, 'line')} of ${file}${again}`, entries);
}

async function run({ url, file, compact }: Arguments, interrupted: Promise<never>): Promise<void> {
  const plan = await choosePlan(file);
  const store = await openStore(url, { adapters: [memory, etcdV3, etcdV2] });
  const own = new OwnPrefix(store);
  const out = printer(print);
  try {
    const { version } = await store.status({ timeoutMs: 15_000 });
    print(`Holdfast on ${[store.name, version].join(' ').trim()}: ${plan.title}, below ${own.path}`);
    const allowed = await mayCompact(store, own, { url, asked: compact });
    const demonstration = new Demonstration({ store, plan, own, out, compact: allowed });
    try {
      await Promise.race([demonstration.run(), interrupted]);
    } finally {
      await demonstration.close();
      await cleanUp(own, out);
    }
  } finally {
    await store.close();
  }
}

async function cleanUp(own: OwnPrefix, out: Printer): Promise<void> {
  try {
    const removed = await own.remove();
    out.heading(`Removed ${removed === undefined ? 'everything' : count(removed, 'key')} below ${own.path}/`);
  } catch (error) {
    // Not thrown: an earlier failure matters more.
    out.heading(`Could not remove what is below ${own.path}/, so please do: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** Says what went wrong and what to do, for the person at the keyboard. */
function explain(error: unknown): string {
  if (error instanceof QuickstartError) return error.message;
  if (!isStoreError(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const advice =
    error.code === 'unavailable' || error.code === 'timeout'
      ? '\nIs it running there? Without a URL the quickstart uses the embedded store: npm run quickstart'
      : error.code === 'invalid-argument'
        ? '\nThe quickstart takes memory:, etcd-v3://127.0.0.1:2379 and etcd-v2://127.0.0.1:2379'
        : '';
  return `${error.message} (${error.code})${advice}`;
}

async function main(): Promise<number> {
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        reject(new QuickstartError(`Stopped by ${signal}.`));
      });
    }
  });
  // Handled by whoever waits for it. If nobody does, the process ends anyway.
  interrupted.catch(() => undefined);
  try {
    const args = parseArguments(process.argv.slice(2));
    if (args.help) print(USAGE);
    else await run(args, interrupted);
    return 0;
  } catch (error) {
    console.error(`\nThe quickstart stopped: ${explain(error)}`);
    return 1;
  }
}

void main().then((code) => {
  if (code !== 0) process.exitCode = code;
});
