import type { CallKind, CallRunner } from './call.js';
import { CALL_OPTIONS, checkFlag, checkLeaseId, checkWhole, need } from './check-options.js';
import type { AnyDriver, DriverCall, DriverLeases } from './driver.js';
import { StoreError } from './errors.js';
import type { LeaseId } from './key-value.js';
import type { GrantOptions, Lease, Leases, LeaseStatus } from './leases.js';
import type { CallOptions } from './options.js';

/** The leases of a store, behind the same checks as its other calls. */
export class GuardedLeases implements Leases {
  readonly #driver: AnyDriver;
  readonly #call: CallRunner;

  constructor(driver: AnyDriver, call: CallRunner) {
    this.#driver = driver;
    this.#call = call;
  }

  grant(ttl: number, options?: GrantOptions): Promise<Lease> {
    return this.#call('write', [options, [...CALL_OPTIONS, 'id'], 'leases.grant()'], ({ id }) => {
      const leases = this.#need();
      checkWhole(ttl, 'the ttl of a lease', 'seconds');
      if (id !== undefined) checkLeaseId(id);
      return (call) => leases.grant(ttl, id, call);
    });
  }

  revoke(id: LeaseId, options?: CallOptions): Promise<void> {
    return this.#ofLease('write', id, options, 'leases.revoke()', (leases, call) => leases.revoke(id, call));
  }

  keepAlive(id: LeaseId, options?: CallOptions): Promise<Lease> {
    return this.#ofLease('read', id, options, 'leases.keepAlive()', (leases, call) => leases.keepAlive(id, call));
  }

  timeToLive(id: LeaseId, options?: CallOptions & { readonly keys?: boolean }): Promise<LeaseStatus> {
    return this.#call('read', [options, [...CALL_OPTIONS, 'keys'], 'leases.timeToLive()'], (given) => {
      const leases = this.#need();
      checkLeaseId(id);
      const keys = checkFlag(given, 'keys');
      return (call) => leases.timeToLive(id, { keys }, call);
    });
  }

  list(options?: CallOptions): Promise<readonly LeaseId[]> {
    return this.#call('read', [options, CALL_OPTIONS, 'leases.list()'], () => {
      const leases = this.#need();
      const { name, capabilities } = this.#driver;
      need(capabilities.leaseListing, name, 'leaseListing', 'the listing of leases');
      return (call) => leases.list(call);
    });
  }

  #ofLease<T>(
    kind: CallKind,
    id: unknown,
    options: CallOptions | undefined,
    name: string,
    run: (leases: DriverLeases, call: DriverCall) => Promise<T>,
  ): Promise<T> {
    return this.#call(kind, [options, CALL_OPTIONS, name], () => {
      const leases = this.#need();
      checkLeaseId(id);
      return (call) => run(leases, call);
    });
  }

  #need(): DriverLeases {
    const { leases, name, capabilities } = this.#driver;
    need(capabilities.leases, name, 'leases', 'leases');
    if (leases === undefined) throw new StoreError('internal', `the ${name} adapter declares leases and has none`);
    return leases;
  }
}
