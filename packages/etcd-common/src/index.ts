export type { EtcdCredentials } from './credentials.js';
export { parseEndpoint, type EndpointAddress } from './endpoint-address.js';
export { createTlsContext, type EtcdTlsOptions, type Security } from './tls.js';
