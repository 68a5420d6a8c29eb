import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { FunctionBody } from './function-body.js';
import { functionProblems } from './function-rules.policy.js';

const FILES = { 'handler.py': 'def handle(event, context): pass' };
const python = (more: Partial<FunctionBody> = {}): FunctionBody => ({ name: 'f', runtime: 'python', source: { inline: FILES }, ...more });
const image = (more: Partial<FunctionBody> = {}): FunctionBody => ({ name: 'f', runtime: 'image', image: 'registry.example/team/app:1', ...more });
const pointers = (body: FunctionBody): string[] => functionProblems(body).map(({ pointer }) => pointer);

describe('functionProblems', () => {
  it.each<[string, FunctionBody]>([
    ['python from inline source', python()],
    ['go from an archive', { name: 'f', runtime: 'go', source: { archive: 'a'.repeat(64) } }],
    ['an image', image({ metering: 'runtime' })],
    ['a handler in a package', python({ handler: 'shop.orders.handle' })],
    ['a handler in a folder', { name: 'f', runtime: 'node', source: { inline: { 'src/app.v2.mjs': 'x' } }, handler: 'src/app.v2.handle' }],
    ['everything', python({ environment: { A_1: 'x' }, configs: ['a', 'b'], secrets: ['a'], scaling: { min: 1, max: 1 }, labels: {} })],
    ['files that follow', python({ secrets: ['a'], secretDelivery: { as: 'files', updates: 'live' } })],
    ['both forms', python({ secrets: ['a'], secretDelivery: { as: 'both' } })],
    ['a most alone', python({ scaling: { max: 5 } })],
  ])('accepts %s', (_, body) => {
    expect(functionProblems(body)).toEqual([]);
  });

  it.each<[string, FunctionBody, string[]]>([
    ['a handler of two words', python({ handler: 'a b.handle' }), ['/handler']],
    ['a handler of dots', python({ handler: '..handle' }), ['/handler']],
    ['a node handler that leaves', { name: 'f', runtime: 'node', source: { inline: { 'a.js': '' } }, handler: 'x/../../a.handle' }, ['/handler']],
    ['a digest of another form', python({ source: { archive: 'sha256:abc' } }), ['/source/archive']],
    ['several things at once', python({ image: 'a', metering: 'gateway', scaling: { min: 3, max: 2 }, environment: { PORT: '1', 'X-Y': '2' } }),
      ['/image', '/metering', '/scaling/min', '/environment/PORT', '/environment/X-Y']],
    ['an environment that is too large', python({ environment: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`A${index}`, 'x'.repeat(8_000)])) }), ['/environment']],
    ['a name with a slash, as a pointer has it', python({ environment: { 'a/b~c': 'x' } }), ['/environment/a~1b~0c']],
    ['NUL in a file', python({ source: { inline: { 'a.py': 'a\0' } } }), ['/source/inline/a.py']],
    ['half a character in a label', python({ labels: { a: '\udc00' } }), ['/labels/a']],
    ['a name like an id', python({ name: 'a0000000-0000-4000-8000-000000000000' }), ['/name']],
    ['the same set twice', python({ configs: ['a', 'b', 'a'] }), ['/configs/2']],
    ['live variables', python({ secretDelivery: { updates: 'live' } }), ['/secretDelivery/updates']],
    ['live files beside variables', python({ secretDelivery: { as: 'both', updates: 'live' } }), ['/secretDelivery/updates']],
    ['two files that differ in nothing but their case of kind', python({ source: { inline: { 'a/b': '', a: '' } } }), ['/source/inline']],
  ])('refuses %s', (_, body, expected) => {
    expect(pointers(body)).toEqual(expected);
  });
});

const EXAMPLES = readdirSync('deploy/examples', { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

it.each(EXAMPLES)('the example %s is a function', (name) => {
  const { apiVersion: _, version: __, ...manifest } = parse(readFileSync(`deploy/examples/${name}/function.yaml`, 'utf8')) as Record<string, unknown>;
  expect(functionProblems({ ...manifest, source: { archive: 'a'.repeat(64) } } as unknown as FunctionBody)).toEqual([]);
});
