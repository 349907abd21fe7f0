// Every run of Jest, of one file or of all, has all etcd servers: no test is ever skipped because one is missing.
import { provideEtcds } from './etcd.mjs';

export default async function globalSetup() {
  await provideEtcds();
}
