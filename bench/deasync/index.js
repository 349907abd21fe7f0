'use strict';

exports.loopWhile = () => {
  throw new Error("node-etcd's synchronous calls are not available in the benchmarks");
};
