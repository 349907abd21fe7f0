// Replaces the module that finds etcd in `npm run test:fast`: every call of it throws.
module.exports = new Proxy(
  {},
  {
    get: (_, name) => () => {
      throw new Error(
        `${String(name)}: there is no etcd in npm run test:fast, where .ci/server-tests.mjs counts this test as one that needs no server. ` +
          "Import startEtcd, availableEtcds or findEtcd from '@holdfast/testkit' by name in the test or its support files; " +
          'if the test gets at a server in another way, add it to startOtherTests in .ci/server-tests.mjs.',
      );
    },
  },
);
