// The rules are in eslint.config.js, where editors look for them. Scripts that name this file still find them.
export { default } from '../eslint.config.js';
