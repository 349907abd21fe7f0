import { Applications } from './applications.js';
import type { Parts } from './parts.js';
import type { Step } from '../plans/plan.js';
import { Surprises } from './surprises.js';

/** Runs the steps of a plan, one after another. */
export class Steps {
  readonly #parts: Parts;
  readonly #applications: Applications;
  readonly #surprises: Surprises;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#applications = new Applications(parts);
    this.#surprises = new Surprises(parts, this.#applications);
  }

  /** Ends the steps, and cancels the events that they prepared. */
  end(): void {
    this.#surprises.end();
  }

  async do(step: Step): Promise<void> {
    const { trace, clock, writer, data, server, leases } = this.#parts;
    if (step.do !== 'wait') trace?.(`* ${JSON.stringify(step)}`);
    switch (step.do) {
      case 'wait':
        await clock.advance(step.ms);
        break;
      case 'write':
        if (step.client === undefined) await writer.write(data, step.write);
        else this.#parts.background.start(writer.write(this.#parts.client(step.client).recorded, step.write));
        break;
      case 'read':
        this.#applications.read(step);
        break;
      case 'net':
        this.#parts.client(step.client).disturb(step.fault);
        break;
      case 'member':
        this.#actOnMember(step);
        break;
      case 'place':
        await this.#putInPlace(step);
        break;
      case 'at':
        this.#surprises.prepare(step);
        break;
      case 'cut-after':
        this.#parts.client(step.client).link.cutAfter(step.messages);
        break;
      case 'reads':
        this.#parts.client(step.client).link.failReads(step.count, step.how);
        break;
      case 'watches':
        this.#parts.client(step.client).failWatches(step.how);
        break;
      case 'compact':
        await server.compact(step.behind);
        break;
      case 'snapshot':
        server.takeSnapshot();
        break;
      case 'restore':
        await server.restore(step);
        break;
      case 'jump':
        this.#parts.faults.add('clock jump');
        this.#parts.client(step.client).jump(step.ms);
        break;
      case 'die':
        this.#parts.processes.die(step.client, step.how, step.downMs);
        break;
      case 'disk':
        this.#parts.mirrors[step.index % this.#parts.mirrors.length]?.disk.turn(step.mood);
        break;
      case 'lease':
        await leases.act(step.act);
        break;
      case 'mirror':
        this.#applications.actOnMirror(step);
        break;
      case 'watch':
        this.#applications.actOnWatch(step);
        break;
      default:
        step satisfies never;
    }
  }

  async #putInPlace({ place, answers, writes = [] }: Extract<Step, { do: 'place' }>): Promise<void> {
    const { endpoints, foreign, clients, truth, writer, faults } = this.#parts;
    if (endpoints === undefined || foreign === undefined) return;
    // A client that knows no cluster yet takes the one that it finds, and one that has connected once or twice goes by most connections.
    const isFollowed = clients.every(({ identity }) => identity?.known === truth.current.identity);
    const isSure = clients.every(({ identity }) => identity?.isConfirmed === true);
    if (answers === 'foreign' && !isFollowed) return;
    if (!endpoints.put(place, answers, isSure) || answers === 'member') return;
    faults.add(answers === 'foreign' ? 'foreign member answers' : 'member is down');
    if (answers === 'foreign') for (const write of writes) await writer.write(foreign.store, write);
  }

  #actOnMember({ member, act }: Extract<Step, { do: 'member' }>): void {
    const { members, truth, faults } = this.#parts;
    if (act === 'catch-up') members.catchUp(member);
    else if (members.lag(member, truth.current.head)) faults.add('member lags');
  }
}
