import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { functionCrd, functionCrdYaml } from './function-crd.js';

test('the checked-in CustomResourceDefinition is the generated one', async () => {
  const file = new URL('../../deploy/crds/functions.fnplane.dev.yaml', import.meta.url);
  expect(await readFile(file, 'utf8'), 'run npm run generate').toBe(functionCrdYaml());
});

test('nothing is kept that the schema does not know', () => {
  expect(JSON.stringify(functionCrd())).not.toContain('preserve-unknown');
});
