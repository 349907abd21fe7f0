export type { EtcdCredentials } from './credentials.js';
export { parseEndpoint, type EndpointAddress } from './endpoint-address.js';
export { excerpt } from '@holdfast/store/adapter';
export { IdentityCensus, type IdentityCensusOptions } from './identity-census.js';
export { checkIdentity, type EtcdIdentityOptions } from './identity-options.js';
export { KnownIdentity, type KnownIdentityOptions } from './known-identity.js';
export { serverIdentity, type ServerIdentity } from './server-identity.js';
export { createTlsContext, type EtcdTlsOptions, type Security } from './tls.js';
