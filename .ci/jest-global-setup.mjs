// Every run of Jest, of one file or of all, has all etcd servers: a test never skips for want of one.
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';

export default async function globalSetup() {
  process.env[etcdVariable] = formatEtcds(await ensureEtcd());
}
