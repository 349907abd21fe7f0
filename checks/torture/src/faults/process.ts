import type { Fault } from '../fault.js';
import { expectNoAnswer, linger, memberAt, pickMember } from './members.js';

/** kill -9 of a server, and its restart on its data. */
export const kill: Fault = {
  kind: 'kill',
  appliesTo: () => true,
  async inject(world, random) {
    const member = memberAt(world, pickMember(world, random));
    await member.kill();
    await expectNoAnswer(member);
    const ms = await linger(random, 0, 1_000);
    return { heal: () => member.start(), details: { member: member.name, ms } };
  },
};

/** SIGSTOP and SIGCONT of a server: connections stay open, and nothing answers. */
export const pause: Fault = {
  kind: 'pause',
  appliesTo: () => true,
  async inject(world, random) {
    const member = memberAt(world, pickMember(world, random));
    member.pause();
    const heal = (): Promise<void> => {
      member.resume();
      return Promise.resolve();
    };
    try {
      await expectNoAnswer(member);
    } catch (error) {
      await heal();
      throw error;
    }
    const ms = await linger(random, 0, 2_000);
    return { heal, details: { member: member.name, ms } };
  },
};
