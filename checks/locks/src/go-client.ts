import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSession, type Session } from '@holdfast/coordination';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { eventually, startEtcd } from '@holdfast/testkit';

/** A program that holds a lock, or leads, by etcd's own concurrency package, until its standard input ends. */
class GoHolder {
  readonly #child;
  #output = '';

  constructor(program: string, endpoints: readonly string[], name: string, elect: boolean) {
    const args = [`-endpoints=${endpoints.join(',')}`, `-name=${name}`, ...(elect ? ['-elect'] : [])];
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
  }

  get holds(): boolean {
    return this.#output.includes('held');
  }

  async release(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.stdin.end();
    await ended;
  }
}

/** Go's client waits for Holdfast and Holdfast for Go's client, in the order of asking. What went wrong, or nothing. */
export async function excludesGo(program: string, version: string): Promise<readonly string[]> {
  const etcd = await startEtcd({ version });
  const store = etcdV3Store({ endpoints: etcd.endpoints });
  const session = await openSession(store);
  try {
    const turns = [];
    for (const elect of [false, true]) turns.push(...(await takeTurns({ program, store, session, etcd, elect })));
    return turns.map((what) => `etcd ${version}: ${what}`);
  } finally {
    await session.close();
    await store.close();
    await etcd.close();
  }
}

interface Turns {
  readonly program: string;
  readonly store: ConfigStore;
  readonly session: Session;
  readonly etcd: { readonly endpoints: readonly string[] };
  readonly elect: boolean;
}

async function takeTurns({ program, store, session, etcd, elect }: Turns): Promise<readonly string[]> {
  const name = elect ? '/go/election' : '/go/lock';
  const hold = () => (elect ? session.campaign(name, 'holdfast') : session.lock(name));
  const count = async () => (await store.list({ prefix: `${name}/` }, { countOnly: true })).count;
  const queued = (keys: number) => eventually(async () => (await count()) === keys);
  const wrong: string[] = [];
  const first = await hold();
  const go = new GoHolder(program, etcd.endpoints, name, elect);
  await queued(2);
  let isHeld = false;
  const last = hold().then((held) => {
    isHeld = true;
    return held;
  });
  await queued(3);
  if (go.holds || isHeld) wrong.push(`${name}: somebody got in beside Holdfast`);
  await first.release();
  await eventually(() => go.holds);
  if (isHeld || (await count()) !== 2) wrong.push(`${name}: Holdfast got in beside Go`);
  await go.release();
  await (await last).release();
  if ((await count()) !== 0) wrong.push(`${name}: keys are left`);
  return wrong;
}
