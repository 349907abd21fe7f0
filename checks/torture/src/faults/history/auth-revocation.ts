import { isStoreError } from '@holdfast/store';
import { eventually, type Random } from '@holdfast/testkit';
import { NotInjected, type Fault } from '../../fault.js';
import { BEACON } from '../../keys.js';
import { callV2Auth, USER } from '../../users.js';
import { PREFIX, type World } from '../../world.js';
import { linger } from './linger.js';

/**
 * The right that is revoked and granted again. On v3: the user's role, or the role's permission. On v2 the store under test is a guest, like
 * all writers: all rights of guests, or only their right to read, so that writers continue.
 */
type What = 'role' | 'permission' | 'reading';

/**
 * The mirrors' situation. `connected`: their watches go on (v3: for good, because etcd checks permission only when a watch is created; v2:
 * until the next poll), but nothing proves them any more. `cut`: their watches are refused. `away`: they reconnect to a store that refuses them.
 */
type Meeting = 'connected' | 'cut' | 'away';

/** The user of the store under test loses the right to read, and gets it back, while others write. */
export const authRevocation: Fault = {
  kind: 'auth-revocation',
  world: 'secured',
  appliesTo: () => true,

  async inject(world, random) {
    const what = random.pick<What>(world.cell.api === 'v3' ? ['role', 'permission'] : ['permission', 'reading']);
    const meeting = random.pick<Meeting>(['connected', 'cut', 'away']);
    if (meeting === 'away') await world.disconnect();
    await change(world, what, 'revoke');
    try {
      if (meeting !== 'away') await expectRefused(world);
      if (meeting === 'cut') for (const proxy of world.proxies) proxy.cut();
      if (meeting === 'away') {
        await linger(random, 100, 500);
        await world.connect();
      }
      if (meeting === 'connected') await linger(random, 200, 1_500);
      else await mirrorsAreRefused(world, random);
    } catch (error) {
      await change(world, what, 'grant');
      await world.connect();
      throw error;
    }
    return { heal: () => change(world, what, 'grant'), details: { what, meeting } };
  },
};

/** Waits until all mirrors are not live, and give the refusal as the cause. */
async function mirrorsAreRefused(world: World, random: Random): Promise<void> {
  const refused = ({ mirror: { state } }: World['mirrors'][number]) =>
    state.status !== 'live' && 'cause' in state && isRefusal(state.cause?.code);
  await eventually(() => world.mirrors.every(refused)).catch((cause: unknown) => {
    const states = world.mirrors.map(({ name, mirror }) => `${name}: ${JSON.stringify(mirror.state)}`);
    throw new NotInjected(`not all mirrors were refused: ${states.join(', ')}`, { cause });
  });
  await linger(random, 0, 700);
}

/** Waits until the servers refuse the store under test. On v2, each member does so once it has learnt of the change. */
async function expectRefused({ store }: World): Promise<void> {
  let outcome: string | undefined;
  const isRefused = async () => {
    outcome = await store.get(BEACON).then(
      () => 'it is answered',
      (error: unknown) => (isStoreError(error) ? error.code : String(error)),
    );
    return isRefusal(outcome);
  };
  await eventually(isRefused, { timeoutMs: 3_000 }).catch(() => {
    throw new NotInjected(`the user should be refused: ${outcome ?? 'no answer'}`);
  });
}

/** v2 has the same answer for a user without permission and for an unknown user. */
function isRefusal(code: string | undefined): boolean {
  return code === 'permission-denied' || code === 'unauthenticated';
}

async function change(world: World, what: What, how: 'grant' | 'revoke'): Promise<void> {
  if (world.cell.api === 'v3') return changeV3(world, what, how);
  const everything = ['/*'];
  const rights = what === 'reading' ? { read: everything, write: [] } : { read: everything, write: everything };
  await callV2Auth(world.etcd, 'roles/guest', { role: 'guest', [how]: { kv: rights } });
}

async function changeV3(world: World, what: What, how: 'grant' | 'revoke'): Promise<void> {
  const user = USER;
  const key = btoa(PREFIX);
  const rangeEnd = btoa(`${PREFIX.slice(0, -1)}0`); // What follows a slash.
  const requests = {
    role: {
      grant: ['auth/user/grant', { user, role: user }],
      revoke: ['auth/user/revoke', { name: user, role: user }],
    },
    permission: {
      grant: ['auth/role/grant', { name: user, perm: { permType: 'READWRITE', key, range_end: rangeEnd } }],
      revoke: ['auth/role/revoke', { role: user, key, range_end: rangeEnd }],
    },
  } as const;
  const [path, body] = requests[what === 'role' ? 'role' : 'permission'][how];
  await world.api(path, body);
}
