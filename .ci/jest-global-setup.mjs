// Every run of Jest, of one file or of all, has all servers: no test is ever skipped because one is missing.
import { provideEtcds } from './etcd.mjs';
import { providePgbouncer } from './pgbouncer.mjs';
import { providePostgres } from './postgres.mjs';
import { provideStrace } from './strace.mjs';
import { provideZsh } from './zsh.mjs';

export default async function globalSetup() {
  await Promise.all([provideEtcds(), providePostgres(), providePgbouncer(), provideStrace(), provideZsh()]);
}
