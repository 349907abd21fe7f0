/** Prints what the quickstart does. */
export interface Printer {
  heading(text: string): void;
  /** Breaks long lines at spaces. */
  line(text: string): void;
}

const WIDTH = 105;
const INDENT = '   ';

export function printer(write: (line: string) => void): Printer {
  return {
    heading: (text) => {
      write('');
      write(text);
    },
    line: (text) => {
      for (const [index, part] of wrap(text).entries()) write(`${INDENT}${index === 0 ? '' : '  '}${part}`);
    },
  };
}

function wrap(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const line = lines[last] ?? '';
    if (line === '') lines[last] = word;
    else if (line.length + 1 + word.length <= WIDTH) lines[last] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** `1 key`, `3 keys`, `2,262 entries`. */
export function count(n: number, noun: string): string {
  const plural = /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${n.toLocaleString('en')} ${n === 1 ? noun : plural}`;
}

/** A value, shortened to fit on a line. */
export function show(value: unknown, length = 70): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** The time since `performance.now()` gave `began`. */
export function since(began: number): string {
  const ms = performance.now() - began;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
