// Where editors look for it. The rules are in .ci/eslint.config.mjs.
export { default } from './.ci/eslint.config.mjs';
