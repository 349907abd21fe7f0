// `npm run simulate -- --seeds N --seed S`: builds the simulation, and runs N worlds from seed S on. See docs/simulation.md.
import { runCheck } from './run-check.mjs';

runCheck('simulation');
