import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { warmPoolCrd, warmPoolCrdYaml } from './pool-crd.js';

test('the checked-in CustomResourceDefinition is the generated one', async () => {
  const file = new URL('../../deploy/crds/warmpools.fnplane.dev.yaml', import.meta.url);
  expect(await readFile(file, 'utf8'), 'run npm run generate').toBe(warmPoolCrdYaml());
});

test('nothing is kept that the schema does not know', () => {
  expect(JSON.stringify(warmPoolCrd())).not.toContain('preserve-unknown');
});
