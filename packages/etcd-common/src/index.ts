export type { EtcdCredentials } from './credentials.js';
export { createTlsContext, type EtcdTlsOptions, type Security } from './tls.js';
