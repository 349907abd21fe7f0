export { HoldfastHealth, type HoldfastHealthReport } from './health.js';
export { HoldfastModule } from './module.js';
export type {
  HoldfastModuleAsyncOptions,
  HoldfastModuleOptions,
  HoldfastProvidersOptions,
  HoldfastStoreOptions,
  ModuleMirror,
  NestTools,
  OpenMirror,
} from './options.js';
export { HOLDFAST_STORE, InjectMirror, InjectStore, mirrorToken, storeToken } from './tokens.js';
