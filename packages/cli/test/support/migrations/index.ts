export { findEtcd } from '@holdfast/testkit';
export { MIRROR_FAULTS } from './mirror-faults.js';
export { MoverProgram } from './mover.js';
export { runMigration, SCENARIOS, type MigrationResult } from './run-migration.js';
export { runFault, runSpeed, type FaultRow, type SpeedRow } from './side-by-side.js';
