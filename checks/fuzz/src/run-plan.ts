import type { StoreErrorCode } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import type { Arena } from './arena.js';
import { compare } from './compare.js';
import { compareWatches, overtaken, toldBy, type WatchPair } from './compare-watch.js';
import { count, noTally, type Tally } from './counts.js';
import { kindsOf } from './kinds-of.js';
import type { Outcome } from './outcome.js';
import type { CallStep, Plan, Step, View, WatchStep } from './plan.js';
import { refsIn, resolve, type Meanings } from './resolve.js';
import { show } from './show.js';
import type { Side } from './side.js';

/** The first thing that the two stores did differently. */
export interface Difference {
  /** The place of the step in the plan. */
  readonly at: number;
  readonly what: string;
  readonly server: unknown;
  readonly memory: unknown;
}

export interface PlanResult {
  readonly difference: Difference | undefined;
  readonly tally: Tally;
  /** What was done, as a program. */
  readonly lines: readonly string[];
}

/** Leads both stores of an arena through a plan, up to the first difference. */
export async function runPlan(arena: Arena, plan: Plan): Promise<PlanResult> {
  const { server, memory } = await arena.begin();
  const run = new Run(arena, server, memory);
  try {
    return { difference: await run.all(plan.steps), tally: run.tally, lines: run.lines };
  } finally {
    await Promise.all([server.close(), memory.close()]);
  }
}

class Run {
  readonly tally = noTally();
  readonly lines: string[] = [];
  readonly #arena: Arena;
  readonly #server: Side;
  readonly #memory: Side;
  readonly #patient = new Set<number>();

  constructor(arena: Arena, server: Side, memory: Side) {
    this.#arena = arena;
    this.#server = server;
    this.#memory = memory;
  }

  async all(steps: readonly Step[]): Promise<Difference | undefined> {
    for (const [at, step] of [...steps, { do: 'settle' } as const].entries()) {
      const difference = await this.#step(step);
      if (difference !== undefined) return { at, ...difference };
    }
    return undefined;
  }

  #step(step: Step): Promise<Omit<Difference, 'at'> | undefined> {
    switch (step.do) {
      case 'call':
        return this.#call(step);
      case 'watch':
        return this.#watch(step);
      case 'unwatch':
        return this.#unwatch(step.id);
      case 'settle':
        return this.#settle();
      case 'raw put':
        return this.#putRaw(step.key, step.value);
    }
  }

  async #call({ view, method, args }: CallStep): Promise<Omit<Difference, 'at'> | undefined> {
    // A server needs a moment to bring a watch to the head, in which a compaction would end it.
    const unsettled = method === 'compact' ? await this.#settle() : undefined;
    if (unsettled !== undefined) return unsettled;
    const [own, common] = await this.#resolved(view, args);
    this.lines.push(`await ${shownView(view)}.${method}(${common.map(show).join(', ')});`);
    for (const kind of kindsOf(view, method, common)) count(this.tally.calls, kind);

    const answering = await this.#server.call(view, method, own);
    const isUnsupported = isRefusal(answering(), 'unsupported') && this.#arena.mayBeUnsupported(view, method, own);
    const isTooLarge = isRefusal(answering(), 'too-large') && this.#arena.mayBeTooLarge(own);
    const expecting = isUnsupported || isTooLarge ? answering : await this.#memory.call(view, method, common);
    await this.#arena.stepped();
    const [answer, expected] = [answering(), expecting()];
    count(this.tally.outcomes, answer.is === 'refusal' ? answer.code : answer.is);
    if (isUnsupported) {
      count(this.tally.allowances, 'unsupported, and not asked of memory');
      return undefined;
    }
    if (isTooLarge) {
      count(this.tally.allowances, 'too large to compare with, and not asked of memory');
      return undefined;
    }
    const verdict = await compare(answer, expected, { view, method, args: common }, this.#memory);
    if (verdict === 'another refusal') count(this.tally.allowances, verdict);
    if (verdict !== 'different') return undefined;
    return { what: `${method} came to something else`, server: answer, memory: expected };
  }

  async #watch({ id, view, args, patient }: WatchStep): Promise<Omit<Difference, 'at'> | undefined> {
    const [own, common] = await this.#resolved(view, args);
    this.lines.push(
      `const watch${id} = ${shownView(view)}.watch(${common.map(show).join(', ')});${patient ? ' // read later' : ''}`,
    );
    for (const kind of kindsOf(view, 'watch', common)) count(this.tally.watches, kind);
    if (patient) this.#patient.add(id);
    const pair = {
      server: this.#server.watch(id, view, own, patient),
      memory: this.#memory.watch(id, view, common, patient),
    };
    await Promise.all([pair.server.ready, pair.memory.ready]);
    return undefined;
  }

  async #unwatch(id: number): Promise<Omit<Difference, 'at'> | undefined> {
    const [server, memory] = [this.#server.followers.get(id), this.#memory.followers.get(id)];
    if (server === undefined || memory === undefined) return undefined;
    const difference = await this.#settleOne(id, { server, memory });
    this.lines.push(`await watch${id}.close();`);
    await Promise.all([server.close(), memory.close()]);
    this.#forget(id);
    return difference;
  }

  async #putRaw(key: Uint8Array, value: string): Promise<undefined> {
    this.lines.push(`await etcd.put(${show(key)}, ${show(value)}); // memory.injectRaw()`);
    count(this.tally.calls, 'raw put');
    await this.#arena.putRaw(key, value);
    await this.#arena.stepped();
  }

  async #settle(): Promise<Omit<Difference, 'at'> | undefined> {
    for (const [id, server] of this.#server.followers) {
      const memory = this.#memory.followers.get(id);
      const difference = memory && (await this.#settleOne(id, { server, memory }));
      if (difference !== undefined) return difference;
    }
    return undefined;
  }

  async #settleOne(id: number, pair: WatchPair): Promise<Omit<Difference, 'at'> | undefined> {
    for (const follower of [pair.server, pair.memory]) follower.proceed();
    const head = (await this.#arena.memory.status()).revision;
    await eventually(() => this.#isSettled(pair, head), { intervalMs: 2 }).catch(() => undefined);
    const verdict = await compareWatches(pair, this.#server, this.#memory);
    if (this.#patient.has(id)) for (const follower of [pair.server, pair.memory]) follower.wait();
    if (verdict === 'same') return undefined;
    if (verdict !== 'overtaken')
      return { what: `watch${id}: ${verdict.how}`, server: verdict.server, memory: verdict.memory };
    count(this.tally.allowances, 'watch overtaken by a compaction');
    await Promise.all([pair.server.close(), pair.memory.close()]);
    this.#forget(id);
    return undefined;
  }

  /** Whether both have told everything up to the head, or why not shows already. */
  #isSettled({ server, memory }: WatchPair, head: number): boolean {
    if (server.end.kind !== 'open' && memory.end.kind !== 'open') return true;
    if (overtaken(server, memory) || overtaken(memory, server)) return true;
    if (server.end.kind !== 'open' || memory.end.kind !== 'open' || (memory.reached ?? 0) < head) return false;
    return toldBy(server, this.#server).length >= toldBy(memory, this.#memory).length;
  }

  #forget(id: number): void {
    this.#server.followers.delete(id);
    this.#memory.followers.delete(id);
  }

  /** The arguments as each of the two is given them. */
  async #resolved(view: View, args: readonly unknown[]): Promise<readonly [own: unknown[], common: unknown[]]> {
    const head = (await this.#arena.memory.status()).revision;
    const revisions = await this.#modRevisions(view, args);
    return [this.#server, this.#memory].map((side) => {
      const meanings: Meanings = {
        identity: side.names.identity,
        revision: (back) => side.names.toOwn(Math.max(this.#arena.oldest, head - back)),
        modRevision: (key) => side.names.toOwn(revisions.get(key) ?? this.#arena.oldest),
        lease: (nth) => side.leases[nth] ?? '4711',
      };
      return args.map((arg) => resolve(arg, meanings));
    }) as [unknown[], unknown[]];
  }

  async #modRevisions(view: View, args: readonly unknown[]): Promise<ReadonlyMap<string, number>> {
    const revisions = new Map<string, number>();
    for (const ref of args.flatMap(refsIn)) {
      if (ref.$ !== 'modRevision') continue;
      const entry = await this.#memory
        .view(view)
        .get(ref.key)
        .catch(() => undefined);
      if (entry !== undefined) revisions.set(ref.key, entry.modRevision);
    }
    return revisions;
  }
}

function isRefusal(outcome: Outcome, code: StoreErrorCode): boolean {
  return outcome.is === 'refusal' && outcome.code === code;
}

function shownView({ prefixes, readOnly }: View): string {
  const below = prefixes.reduce((store, prefix) => `withPrefix(${store}, ${show(prefix)})`, 'store');
  return readOnly ? `readOnly(${below})` : below;
}
