#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import { EXIT } from './exit/exit-code.js';
import { run } from './run.js';
import type { Signal } from './terminal/io.js';

// A process that ends before its command does has failed: something was awaited that can't come. Not set before: commander would take it for
// the exit code of its help.
let isDone = false;
process.on('exit', () => {
  if (!isDone) process.exitCode = EXIT.bug;
});

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

function onSignal(listener: (signal: Signal) => void): () => void {
  let isFirst = true;
  const heard = (signal: NodeJS.Signals) => {
    // Whoever asks twice does not want to wait for a clean end.
    if (!isFirst) {
      isDone = true;
      process.exit(128 + constants.signals[signal]);
    }
    isFirst = false;
    listener(signal as Signal);
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return () => {
    for (const signal of SIGNALS) process.off(signal, heard);
  };
}

void run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  self: realpathSync(process.argv[1] ?? '.'),
  onSignal,
  importModule: (file) => import(pathToFileURL(file).href),
}).then((code) => {
  isDone = true;
  // All output is written. An input that nobody reads any more must not keep the process.
  process.exit(code);
});
