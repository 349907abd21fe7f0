import type { CallOptions, StoreMember } from '@holdfast/store';
import { CALL_OPTIONS, invalidArgument, textOf, type CallRunner } from '@holdfast/store/adapter';
import { parseMember, type V2Member } from '../json/cluster.js';
import type { Connection } from '../connection/connection.js';
import { readMembers } from '../kv/status.js';

/** A member, with the addresses for its peers. */
export interface EtcdV2Member extends StoreMember {
  readonly peerUrls: readonly string[];
}

/** The members of the cluster. With authentication on, changes need the role root. */
export class Members {
  readonly #connection: Connection;
  readonly #call: CallRunner;

  /** @internal */
  constructor(connection: Connection, call: CallRunner) {
    this.#connection = connection;
    this.#call = call;
  }

  list(options: CallOptions = {}): Promise<readonly EtcdV2Member[]> {
    return this.#call('read', [options, CALL_OPTIONS, 'members.list()'], () => async ({ signal }) => {
      const members = await readMembers(this.#connection, signal);
      return members.map(toMember);
    });
  }

  /** Announces a member. Start it afterwards. Fails with `conflict` if a member has such a peer URL. */
  add(peerUrls: readonly string[], options: CallOptions = {}): Promise<EtcdV2Member> {
    return this.#call('write', [options, CALL_OPTIONS, 'members.add()'], () => {
      if (!Array.isArray(peerUrls) || peerUrls.length === 0) {
        throw invalidArgument('a member has at least one peer URL, such as http://10.0.0.4:2380');
      }
      return async ({ signal }) => {
        const member = await this.#connection.ask({
          method: 'POST',
          path: MEMBERS,
          json: { peerURLs: peerUrls },
          kind: 'write',
          signal,
          parse: ({ body }) => parseMember(body),
        });
        return toMember(member);
      };
    });
  }

  /** Removes a member. `removed: false` if there is no such member, or no longer. */
  remove(id: string, options: CallOptions = {}): Promise<{ readonly removed: boolean }> {
    return this.#call('write', [options, CALL_OPTIONS, 'members.remove()'], () => {
      if (!/^[0-9a-f]{1,16}$/.test(id)) {
        throw invalidArgument(`a member's id is hexadecimal, as list() tells it, not ${textOf(id)}`);
      }
      return async ({ signal }) => {
        const removed = await this.#connection.ask({
          method: 'DELETE',
          path: `${MEMBERS}/${id}`,
          kind: 'write',
          signal,
          expectStatus: [404, 410],
          parse: ({ status }) => status === 204,
        });
        return { removed };
      };
    });
  }
}

const MEMBERS = '/v2/members';

function toMember({ id, name, clientURLs, peerURLs }: V2Member): EtcdV2Member {
  return { id, name, endpoints: clientURLs ?? [], peerUrls: peerURLs };
}
