import { Mailbox } from './harness/mailbox.js';
import type { Row } from './harness/row.js';
import type { Message, Task } from './harness/task.js';

// Runs one side of one row, as the parent asks for it.

const mailbox = new Mailbox();

function send(message: Message): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => {
      resolve();
    });
  });
}

async function run({ row: name, side: sideName, params }: Extract<Message, { kind: 'begin' }>): Promise<void> {
  // Only the row itself: what the other rows import should not be in this process's heap.
  const { row } = (await import(`./rows/${name}.js`)) as { row: Row };
  const side = row.sides[sideName] ?? row.helpers?.[sideName];
  if (side === undefined) throw new Error(`row ${name} has no side ${sideName}`);
  const task: Task = {
    params,
    tell: (what, data) => {
      void send({ kind: 'tell', name: what, data });
    },
    hear: async <T>(what: string) => (await mailbox.take(what)) as T,
  };
  const sample = await side.run(task);
  await send({ kind: 'done', sample });
}

process.on('message', (message: Message) => {
  if (message.kind === 'tell') mailbox.put(message.name, message.data);
  if (message.kind !== 'begin') return;
  run(message)
    .catch(async (error: unknown) => {
      await send({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    })
    // Not by itself: a peer's sockets and timers would keep it.
    .finally(() => process.exit());
});
process.on('disconnect', () => process.exit(1));
