import { isStoreError, type Op } from '@holdfast/store';
import type { SimClock } from '../sim-clock.js';
import { FROM, HANDED, type SourceWrite } from './plan.js';
import type { Site } from './site.js';

export interface SourceWriterOptions {
  readonly site: Site;
  readonly clock: SimClock;
  readonly trace: ((line: string) => void) | undefined;
}

/** How often applications renew the leases that they keep, in milliseconds. */
const RENEW_MS = 600;

/** The applications that use the source. No fault touches them. */
export class SourceWriter {
  readonly #options: SourceWriterOptions;
  readonly #kept = new Set<string>();
  #written = 0;
  #isOver = false;

  constructor(options: SourceWriterOptions) {
    this.#options = options;
  }

  /** Renews the leases that are kept, until the world ends. */
  begin(): void {
    const { clock } = this.#options;
    clock.set(
      'application',
      () => {
        if (this.#isOver) return;
        void this.#renewAll();
        this.begin();
      },
      RENEW_MS,
    );
  }

  end(): void {
    this.#isOver = true;
  }

  async write(write: SourceWrite): Promise<void> {
    const { site, trace } = this.#options;
    if (site.server.isResting) return;
    const revision = await this.#write(write);
    trace?.(`the source is at ${revision}: ${JSON.stringify(write)}`);
  }

  async #write(write: SourceWrite): Promise<number> {
    const { data } = this.#options.site;
    if (write.kind === 'leased') await this.#renewAll();
    const value = `s${(this.#written += 1)}`;
    const put = (key: string): Op => ({ type: 'put', key: FROM + key, value: `${value} ${key}` });
    const remove = (key: string): Op => ({ type: 'delete', range: { key: FROM + key } });
    switch (write.kind) {
      case 'put':
        return (await data.txn({ then: [put(write.key)] })).revision;
      case 'leased': {
        const kept = write.shared ? [...this.#kept].at(-1) : undefined;
        const lease = kept ?? (await data.leases.grant(write.ttl)).id;
        if (write.kept) this.#kept.add(lease);
        return (await data.put(FROM + write.key, `${value} ${write.key}`, { lease })).revision;
      }
      case 'delete':
        return (await data.delete(FROM + write.key)).revision;
      case 'txn':
        return (await data.txn({ then: [...write.puts.map(put), ...write.deletes.map(remove)] })).revision;
      case 'hand-over': {
        const [first, second] = HANDED;
        const isFirst = (await data.get(FROM + first)) !== undefined;
        const [from, to] = isFirst ? [first, second] : [second, first];
        return (await data.txn({ then: [put(to), remove(from)] })).revision;
      }
      case 'raw':
        return data.injectRaw(Buffer.concat([Buffer.from(FROM), Buffer.from([write.byte])]), 'raw');
    }
  }

  async #renewAll(): Promise<void> {
    const { data } = this.#options.site;
    for (const id of this.#kept) {
      try {
        await data.leases.keepAlive(id);
      } catch (error) {
        if (!isStoreError(error)) throw error;
        this.#kept.delete(id);
      }
    }
  }
}
