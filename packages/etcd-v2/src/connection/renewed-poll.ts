import type { Endpoint } from './endpoint.js';
import type { HistoryPoint } from './history-point.js';
import type { Poll, PollHandlers } from './poll.js';

/** A poll is renewed after this many questions of the keepalive, at the earliest, and after twice as many at the latest. */
const ROUNDS = 4;

/**
 * A long poll that is renewed over another connection from time to time, and whenever a member has no leader. A waiting poll gets no sign of
 * life, for minutes or for ever: a half-open connection and a member without a leader look like an idle prefix, and the keepalive's
 * questions may reach another member behind the same name. The old poll stays open until the server has taken the new one, so that no event
 * is missed.
 */
export function startRenewedPoll(
  start: (fresh: boolean, handlers: PollHandlers) => Poll,
  handlers: PollHandlers,
  endpoint: Pick<Endpoint, 'onRound'>,
  random: () => number,
): Poll {
  /** Undefined until the server has taken a poll. */
  let current: Poll | undefined;
  let next: Poll | undefined;
  let isOver = false;
  let roundsLeft = Infinity;
  /** How often a member had no leader since the server took the poll. */
  let doubts = 0;

  const end = (): void => {
    isOver = true;
    offRound();
    current?.abort();
    next?.abort();
  };
  const rest = (): void => {
    doubts = 0;
    roundsLeft = ROUNDS * (1 + random());
  };
  const settle = (told: () => void): void => {
    if (isOver) return;
    end();
    told();
  };
  const onAnswer = (point: HistoryPoint, body: string): void => {
    settle(() => {
      handlers.onAnswer(point, body);
    });
  };

  const renew = (isDoubted: boolean): void => {
    let isTaken = false;
    next = start(true, {
      onWaiting: (point) => {
        if (isOver) return;
        isTaken = true;
        current?.abort();
        current = next;
        next = undefined;
        rest();
        handlers.onWaiting(point);
      },
      onAnswer,
      onFail: (error, header) => {
        // While the old poll is not in doubt, it continues: on an idle prefix its index left the server's window long ago.
        if (isTaken || isDoubted) {
          settle(() => {
            handlers.onFail(error, header);
          });
        } else {
          next = undefined;
          roundsLeft = ROUNDS * (1 + random());
        }
      },
    });
  };
  const offRound = endpoint.onRound((hasLeader) => {
    roundsLeft -= 1;
    if (isOver || roundsLeft === Infinity) return;
    if (!hasLeader) doubts += 1;
    if (next !== undefined) return;
    // A single question may fall into an election, which passes.
    if (!hasLeader) renew(doubts > 1);
    else if (roundsLeft <= 0) renew(false);
  });

  current = start(false, {
    onWaiting: (point) => {
      if (isOver) return;
      rest();
      handlers.onWaiting(point);
    },
    onAnswer,
    onFail: (error, header) => {
      settle(() => {
        handlers.onFail(error, header);
      });
    },
  });
  return {
    abort: () => {
      if (!isOver) end();
    },
  };
}
