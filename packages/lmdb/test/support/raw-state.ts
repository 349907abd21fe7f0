import { open } from 'lmdb';
import type { StoreState } from '../../src/data/state.js';

const STATE = Buffer.from('state');

/** Reads the record of a store, past the store, and alters it: what another start of the machine would have left. */
export async function alterState(
  path: string,
  alter: (state: StoreState) => void = () => undefined,
): Promise<StoreState> {
  const root = open({ path, noSubdir: false, overlappingSync: false });
  const meta = root.openDB<Buffer, Buffer>({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' });
  const state = JSON.parse(String(meta.get(STATE))) as StoreState;
  alter(state);
  meta.putSync(STATE, Buffer.from(JSON.stringify(state)));
  await root.close();
  return state;
}
