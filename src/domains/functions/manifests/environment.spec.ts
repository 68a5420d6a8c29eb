import { describe, expect, it } from 'vitest';
import { buildEnvironment, liveMark, objectsOf, secretFilesOf, type EnvironmentInput } from './environment.js';

function input(more: Partial<EnvironmentInput> = {}): EnvironmentInput {
  return { namespace: 'fnp-a', tenantId: 't', fn: { id: 'i', name: 'orders', nameKey: 'k' }, plain: {}, secrets: [], inline: {}, delivery: { as: 'environment', updates: 'rolling' }, ...more };
}
const decoded = (data: Record<string, string> | undefined) => Object.fromEntries(Object.entries(data ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]));
const secret = (data: Record<string, string>, name = 'db') => ({ name, data });

describe('buildEnvironment', () => {
  it('makes nothing of nothing', () => {
    expect(buildEnvironment(input())).toEqual({ files: [] });
  });

  it('keeps plain and secret values apart, immutable and labelled', () => {
    const { configMap, secret: made } = buildEnvironment(input({ plain: { A: '1' }, secrets: [secret({ S: 'ü' })] }));
    expect(configMap).toMatchObject({ data: { A: '1' }, immutable: true, metadata: { namespace: 'fnp-a', labels: { 'fnplane.dev/function-id': 'i', 'fnplane.dev/component': 'configuration' } } });
    expect(decoded(made!.data)).toEqual({ S: 'ü' });
    expect(made!.metadata.name).toMatch(/^orders-env-[0-9a-f]{16}$/);
    expect(made!.metadata.name).not.toBe(configMap!.metadata.name);
  });

  it('lets the function\'s own words win over secrets and sets, and later secrets over earlier ones', () => {
    const { configMap, secret: made } = buildEnvironment(input({ plain: { A: 'set', B: 'set' }, secrets: [secret({ A: 'secret', C: 'first', D: 'first' }), secret({ C: 'second' }, 'other')], inline: { A: 'own' } }));
    expect(configMap!.data).toEqual({ A: 'own', B: 'set' });
    expect(decoded(made!.data)).toEqual({ C: 'second', D: 'first' });
  });

  it('never carries the platform\'s own names', () => {
    expect(buildEnvironment(input({ plain: { PORT: '1' }, secrets: [secret({ FNPLANE_TENANT: 'x' })] }))).toEqual({ files: [] });
  });

  it.each<[string, Partial<EnvironmentInput>, boolean]>([
    ['the same values in another order', { plain: { B: '2', A: '1' } }, true],
    ['another value', { plain: { A: '1', B: '3' } }, false],
    ['another key', { plain: { A: '1', B: '2' }, fn: { id: 'i', name: 'orders', nameKey: 'other' } }, false],
  ])('%s: the same name is %s', (_, more, same) => {
    const name = buildEnvironment(input({ plain: { A: '1', B: '2' } })).configMap!.metadata.name;
    expect(buildEnvironment(input({ plain: { A: '1', B: '2' }, ...more })).configMap!.metadata.name === name).toBe(same);
  });
});

describe('secrets as files', () => {
  const rolling = { as: 'files', updates: 'rolling' } as const;
  const live = { as: 'files', updates: 'live' } as const;

  it('are one object each, whole, whatever the function says for itself', () => {
    const made = buildEnvironment(input({ delivery: rolling, secrets: [secret({ A: '1' }), secret({ A: '2' }, 'other'), secret({}, 'empty')], inline: { A: 'own' } }));
    expect(made.secret).toBeUndefined();
    expect(made.configMap!.data).toEqual({ A: 'own' });
    expect(made.files.map(({ name, object }) => [name, decoded(object.data), object.immutable])).toEqual([['db', { A: '1' }, true], ['other', { A: '2' }, true], ['empty', {}, true]]);
    expect(secretFilesOf(made)).toEqual(made.files.map(({ name, object }) => ({ name, secret: object.metadata.name })));
    expect(new Set(objectsOf(made).secrets.map(({ metadata }) => metadata.name)).size).toBe(3);
    expect(made.files[0]!.object.metadata).toMatchObject({ name: expect.stringMatching(/^orders-files-[0-9a-f]{16}$/) as string, labels: { 'fnplane.dev/component': 'configuration' } });
  });

  it('stand beside the variables where both are wanted', () => {
    const made = buildEnvironment(input({ delivery: { as: 'both', updates: 'rolling' }, secrets: [secret({ A: '1' })] }));
    expect(decoded(made.secret!.data)).toEqual({ A: '1' });
    expect(objectsOf(made).secrets.map(({ immutable }) => immutable)).toEqual([true, true]);
  });

  it.each([
    ['rolling: another object for another value', rolling, false, true],
    ['live: the same object, which can be changed', live, true, undefined],
  ] as const)('%s', (_, delivery, same, immutable) => {
    const [before, after] = ['1', '2'].map((value) => buildEnvironment(input({ delivery, secrets: [secret({ A: value })] })).files[0]!.object);
    expect(before!.metadata.name === after!.metadata.name).toBe(same);
    expect(before!.immutable).toBe(immutable);
    expect(before!.data).not.toEqual(after!.data);
  });

  it('have other names live than rolling, since an immutable object cannot become another', () => {
    const [one, other] = [rolling, live].map((delivery) => buildEnvironment(input({ delivery, secrets: [secret({ A: '1' })] })).files[0]!.object.metadata.name);
    expect(one).not.toBe(other);
  });

  it('are marked by what live ones hold, under a key', () => {
    const mark = (value: string, nameKey = 'k', delivery: EnvironmentInput['delivery'] = live) => liveMark(nameKey, [buildEnvironment(input({ delivery, secrets: [secret({ A: value })] }))]);
    expect(mark('1')).toBe(mark('1'));
    expect(new Set([mark('1'), mark('2'), mark('1', 'other')]).size).toBe(3);
    expect(mark('1', 'k', rolling)).toBeUndefined();
  });
});
