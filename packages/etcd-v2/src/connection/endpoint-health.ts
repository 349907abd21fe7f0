import { EndpointHealth } from '@holdfast/etcd-common';

/** How an endpoint has been lately, and whether it is known to serve the v2 API. */
export class V2EndpointHealth extends EndpointHealth {
  #mayLackLeader = false;
  #servesV2 = false;

  /** Whether new connections are to be asked for a leader first. */
  get mayLackLeader(): boolean {
    return this.#mayLackLeader;
  }

  /** Whether it has answered as etcd's v2 API once. */
  get servesV2(): boolean {
    return this.#servesV2;
  }

  override failed(mayLackLeader = false): void {
    this.#mayLackLeader ||= mayLackLeader;
    super.failed();
  }

  override answered(): void {
    this.#mayLackLeader = false;
    super.answered();
  }

  servedV2(): void {
    this.#servesV2 = true;
  }
}
