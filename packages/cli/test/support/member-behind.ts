import { toRevision, type StoreStatus } from '@holdfast/store';
import { DelegatingDriver, type DriverCall } from '@holdfast/store/adapter';

/** A store whose status comes from a member that does not know the last change yet. */
export class MemberBehind extends DelegatingDriver {
  override async status(call: DriverCall): Promise<StoreStatus> {
    const status = await super.status(call);
    return { ...status, revision: toRevision(status.revision - 1) };
  }
}
