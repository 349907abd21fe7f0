import { notEtcds } from './bad-answer.js';
import { isObject, parseJson, type JsonObject } from './codec.js';

/** A member as the members API tells it. */
export interface V2Member {
  /** Hexadecimal. */
  readonly id: string;
  /** Empty until it has started for the first time. */
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs?: readonly string[];
}

/** @throws BadAnswer */
export function parseMembers(body: string): readonly V2Member[] {
  const { members } = parseJson(body);
  if (!Array.isArray(members)) throw notEtcds('it has no list of members');
  return members.map(checkMember);
}

/** @throws BadAnswer */
export function parseMember(body: string): V2Member {
  return checkMember(parseJson(body));
}

/** The version of the server, as `GET /version` tells it. @throws BadAnswer */
export function parseVersion(body: string): string {
  const { etcdserver } = parseJson(body);
  if (typeof etcdserver === 'string' && /^\d+\.\d+\.\d+/.test(etcdserver)) return etcdserver;
  throw notEtcds('it tells no version of an etcd');
}

/** What `GET /health` tells; older servers tell a string. @throws BadAnswer */
export function parseHealth(body: string): { readonly healthy: boolean; readonly reason: string | undefined } {
  const { health, reason } = parseJson(body);
  const isTold = typeof health === 'boolean' || health === 'true' || health === 'false';
  if (!isTold) throw notEtcds('it does not say whether the member is healthy');
  return { healthy: health === true || health === 'true', reason: typeof reason === 'string' ? reason : undefined };
}

/** Statistics, by the names that must be there with what type. @throws BadAnswer */
export function parseStats<T>(body: string, needed: Readonly<Record<string, 'string' | 'number' | 'object'>>): T {
  const stats = parseJson(body);
  const missing = Object.entries(needed).find(([name, type]) => typeof stats[name] !== type);
  if (missing !== undefined) throw notEtcds(`its ${missing[0]} is missing or no ${missing[1]}`);
  return stats as T;
}

function checkMember(value: unknown): V2Member {
  if (isObject(value) && isMember(value)) return value as unknown as V2Member;
  throw notEtcds('it has something else where a member should be');
}

function isMember({ id, name, peerURLs, clientURLs = [] }: JsonObject): boolean {
  const isId = typeof id === 'string' && /^[0-9a-f]{1,16}$/.test(id);
  return isId && typeof name === 'string' && areStrings(peerURLs) && areStrings(clientURLs);
}

function areStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
