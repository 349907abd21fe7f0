// @swc/jest, but for some files, of which it is given another text. Nothing on disk is changed.
import { createHash } from 'node:crypto';
import { relative, sep } from 'node:path';
import swc from '@swc/jest';

export default { createTransformer };

function createTransformer({ swc: options, mutations }) {
  const inner = swc.createTransformer(options);

  const mutationOf = (filename, { config }) => {
    const path = relative(config.rootDir, filename).split(sep).join('/');
    return mutations.find(({ file }) => file === path);
  };

  const mutated = (source, { file, find, replace }) => {
    const parts = source.split(find);
    if (parts.length !== 2) throw new Error(`${file} has the text to be replaced ${parts.length - 1} times`);
    return parts.join(replace);
  };

  return {
    ...inner,
    process: (source, filename, jest) => {
      const mutation = mutationOf(filename, jest);
      return inner.process(mutation === undefined ? source : mutated(source, mutation), filename, jest);
    },
    // A file that the mutation leaves alone has the same key with every mutation, and the mutated one a key of its own.
    getCacheKey: (source, filename, jest) => {
      const key = inner.getCacheKey(source, filename, jest);
      const mutation = mutationOf(filename, jest);
      if (mutation === undefined) return key;
      return createHash('sha256').update(key).update(JSON.stringify(mutation)).digest('hex');
    },
  };
}
