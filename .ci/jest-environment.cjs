// Jest's environment for Node, in a worker that leaves at once when its work is done.
//
// When nothing is left to wait for, Node first takes its heap apart. With the hundreds of megabytes of a worker, on a busy machine, that takes longer than
// the half second after which Jest ends a worker by force and blames the tests for it. A worker that something still keeps
// open never comes here, so that Jest's complaint still means a leak.
const { TestEnvironment } = require('jest-environment-node');

const isWorker = process.send !== undefined;
if (isWorker) process.once('beforeExit', () => process.exit());

module.exports = TestEnvironment;
