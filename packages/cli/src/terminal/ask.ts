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
  return new Promise((resolve, reject) => {
    const finish = (line: string | undefined) => {
      stdin.off('data', onData).off('end', onEnd).off('error', onError).pause();
      signal.removeEventListener('abort', onAbort);
      resolve(line);
    };
    const onEnd = () => {
      finish(text === '' ? undefined : text);
    };
    const onError = (error: Error) => {
      finish(undefined);
      reject(error);
    };
    const onAbort = () => {
      finish(undefined);
    };
    const onData = (chunk: Buffer | string) => {
      text += typeof chunk === 'string' ? chunk : decoder.write(chunk);
      const end = text.indexOf('\n');
      if (end >= 0) finish(text.slice(0, end).replace(/\r$/, ''));
    };
    signal.addEventListener('abort', onAbort);
    stdin.on('data', onData).once('end', onEnd).once('error', onError);
    stdin.resume();
  });
}

/**
 * The line that a person types, unseen. In raw mode the keys come as they are: the terminal shows nothing, and edits nothing.
 *
 * @param ask asks the question. The terminal is in raw mode by then, so that not even a quick answer is shown.
 * @param onInterrupt called for Ctrl-C, which is no signal in raw mode
 */
export function readSecret(
  stdin: InputStream,
  ask: () => void,
  onInterrupt: () => void,
  signal: AbortSignal,
): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    const finish = () => {
      stdin.off('data', onData).pause();
      signal.removeEventListener('abort', finish);
      stdin.setRawMode?.(false);
      resolve(text);
    };
    const onData = (chunk: Buffer | string) => {
      for (const character of chunk.toString()) {
        if (character === '\r' || character === '\n' || character === '\u0004') {
          finish();
          return;
        }
        if (character === '\u0003') {
          finish();
          onInterrupt();
          return;
        }
        text = character === '\u007f' || character === '\b' ? Array.from(text).slice(0, -1).join('') : text + character;
      }
    };
    signal.addEventListener('abort', finish);
    stdin.setRawMode?.(true);
    stdin.on('data', onData);
    stdin.resume();
    ask();
  });
}
