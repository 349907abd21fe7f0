export { Random } from '@holdfast/testkit';
