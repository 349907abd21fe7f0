import { StringDecoder } from 'node:string_decoder';
import type { InputStream, Io } from './io.js';

/** Whether a person can be asked. */
export function canAsk({ stdin, stderr }: Pick<Io, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** The line that a person types, or `undefined` at the end of the input. The terminal edits it, and turns Ctrl-C into a signal. */
export function readLine(stdin: InputStream, signal: AbortSignal): Promise<string | undefined> {
  const decoder = new StringDecoder('utf8');
  let text = '';
  return readUntil(stdin, signal, (chunk) => {
    if (chunk === undefined) return { answer: text === '' ? undefined : text };
    text += decoder.write(chunk);
    const end = text.indexOf('\n');
    return end < 0 ? undefined : { answer: text.slice(0, end).replace(/\r$/, '') };
  });
}

/**
 * The line that a person types, unseen. In raw mode the keys come as they are: the terminal shows nothing, and edits nothing.
 *
 * @param ask asks the question. The terminal is in raw mode by then, so that not even a quick answer is shown.
 * @param onInterrupt called for Ctrl-C, which is no signal in raw mode
 * @returns `undefined` at the end of the input, also where it has ended before
 */
export async function readSecret(
  stdin: InputStream,
  ask: () => void,
  onInterrupt: () => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const decoder = new StringDecoder('utf8');
  let text = '';
  stdin.setRawMode?.(true);
  const answer = readUntil(stdin, signal, (chunk) => {
    if (chunk === undefined) return { answer: undefined };
    for (const character of decoder.write(chunk)) {
      if (character === '\r' || character === '\n') return { answer: text };
      if (character === '\u0004') return { answer: text === '' ? undefined : text };
      if (character === '\u0003') {
        onInterrupt();
        return { answer: undefined };
      }
      text = character === '\u007f' || character === '\b' ? Array.from(text).slice(0, -1).join('') : text + character;
    }
    return undefined;
  });
  ask();
  try {
    return await answer;
  } finally {
    stdin.setRawMode?.(false);
  }
}

/**
 * Hands each chunk to `take`, and `undefined` at the end of the input, until it has an answer. It always settles: an input that is used up,
 * as by a value that was read from it, has ended too.
 */
function readUntil(
  stdin: InputStream,
  signal: AbortSignal,
  take: (chunk: Buffer | undefined) => { readonly answer: string | undefined } | undefined,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      stdin.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError).pause();
      signal.removeEventListener('abort', onAbort);
    };
    const onData = (chunk: Buffer | string) => {
      const taken = take(Buffer.from(chunk as string));
      if (taken === undefined) return;
      finish();
      resolve(taken.answer);
    };
    const onEnd = () => {
      finish();
      resolve(take(undefined)?.answer);
    };
    const onError = (error: Error) => {
      finish();
      reject(error);
    };
    const onAbort = () => {
      finish();
      resolve(undefined);
    };
    if (stdin.readableEnded || stdin.destroyed) {
      onEnd();
      return;
    }
    signal.addEventListener('abort', onAbort);
    stdin.on('data', onData).once('end', onEnd).once('close', onEnd).once('error', onError);
    stdin.resume();
  });
}
