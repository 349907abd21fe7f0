export { type ClientCosts, type Costs, readCosts, type ReadCosts, type ServerCosts } from './costs/costs.js';
export { sizingTables } from './page/sizing-tables.js';
export { Fleet, type FleetOptions } from './scenarios/fleet.js';
export { compare, factorBetween, readMeasured, resultsOf, siteOfRow } from './scenarios/measured.js';
export { readResults, type Results } from './scenarios/results.js';
export { type Result, run, type RunOptions } from './scenarios/run.js';
export { type Scenario, scenarioOf, scenarios } from './scenarios/scenario.js';
export { type Site, siteOf, sites } from './scenarios/site.js';
