export {
  HoldfastInstrumentation,
  type HoldfastInstrumentationConfig,
  type MeterSource,
  type TracerSource,
} from './instrumentation.js';
