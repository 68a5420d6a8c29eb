import { describe, expect, it } from 'vitest';
import type { TriggerBody } from './trigger-body.js';
import { reservedHosts, triggerProblems } from './trigger-rules.policy.js';

const RESERVED = reservedHosts(['https://Run.example:8443/'], 'fn.example');

function body(http: object = {}, rest: object = {}): TriggerBody {
  return { name: 'orders', function: 'pay', http: { host: 'shop.example', path: { type: 'prefix', value: '/orders' }, authentication: 'public', ...http }, ...rest } as TriggerBody;
}

const JWT = { issuer: 'https://login.example', audiences: ['orders'] };

function jwtFaults(...faults: [object, string][]): [object, string][] {
  return faults.map(([change, pointer]) => [{ authentication: 'jwt', jwt: { ...JWT, ...change } }, `/http/jwt${pointer}`]);
}

const pointers = (trigger: TriggerBody): string[] => triggerProblems(trigger, RESERVED).map(({ pointer }) => pointer);

describe('a trigger', () => {
  it.each([
    [{}], [{ host: 'a.b-c.example' }], [{ path: { type: 'prefix', value: '/' } }], [{ path: { type: 'exact', value: '/orders/' } }], [{ path: { type: 'exact', value: '/a/b.json;v=1' } }],
    [{ methods: ['GET', 'POST'] }], [{ rewrite: { prefix: '/' } }], [{ rewrite: { prefix: '/v2/' } }],
    [{ cors: { allowOrigins: ['*'] } }], [{ cors: { allowOrigins: ['https://a.example', 'http://localhost:3000', 'http://[::1]:8080'], allowCredentials: true, allowMethods: ['PUT'], allowHeaders: ['x-order'], exposeHeaders: ['etag'], maxAgeSeconds: 0 } }],
    [{ cors: { allowOrigins: ['https://a.example'], allowHeaders: ['*'] } }],
    [{ limits: { rate: { perSecond: 1000, burst: 2000 }, callerRate: { perSecond: 10 }, maxBodyBytes: 0, timeoutSeconds: 900 } }], [{ limits: {} }], [{ path: { type: 'prefix', value: '/.well-known' } }],
    [{ authentication: 'jwt', jwt: { issuer: 'https://login.example/realm', audiences: ['orders'] } }],
    [{ authentication: 'jwt', jwt: { issuer: 'https://login.example', audiences: ['a', 'b'], jwksUri: 'https://keys.example/jwks', claims: [{ name: 'https://shop.example/roles', values: ['', 'clerk'] }] } }],
  ])('%j is valid', (http) => {
    expect(pointers(body(http))).toEqual([]);
  });

  it.each<[object, string]>([
    [{ host: 'Shop.example' }, '/http/host'], [{ host: 'shop' }, '/http/host'], [{ host: '10.0.0.1' }, '/http/host'], [{ host: 'shop.example:80' }, '/http/host'], [{ host: '*.example' }, '/http/host'],
    [{ host: `${'a'.repeat(64)}.example` }, '/http/host'], [{ host: undefined }, '/http/host'], [{ host: 'shop.example.' }, '/http/host'],
    [{ host: 'run.example' }, '/http/host'], [{ host: 'pay.shop.fn.example' }, '/http/host'], [{ host: 'fn.example' }, '/http/host'],
    [{ path: { type: 'prefix', value: 'orders' } }, '/http/path/value'], [{ path: { type: 'prefix', value: '/orders/' } }, '/http/path/value'], [{ path: { type: 'exact', value: '/a//b' } }, '/http/path/value'],
    [{ path: { type: 'exact', value: '/a/../b' } }, '/http/path/value'], [{ path: { type: 'exact', value: '/.' } }, '/http/path/value'], [{ path: { type: 'exact', value: '/a%2fb' } }, '/http/path/value'],
    [{ path: { type: 'exact', value: '/a?b' } }, '/http/path/value'], [{ path: { type: 'exact', value: `/${'a'.repeat(512)}` } }, '/http/path/value'], [{ path: { type: 'regex', value: '/' } }, '/http/path/type'], [{ path: undefined }, '/http/path/type'],
    [{ methods: [] }, '/http/methods'], [{ methods: ['GET', 'GET'] }, '/http/methods'], [{ methods: ['TRACE'] }, '/http/methods'],
    [{ rewrite: { prefix: 'v2' } }, '/http/rewrite/prefix'], [{ rewrite: {} }, '/http/rewrite/prefix'], [{ authentication: 'none' }, '/http/authentication'],
    [{ limits: { rate: {} } }, '/http/limits/rate/perSecond'], [{ limits: { callerRate: { perSecond: 0 } } }, '/http/limits/callerRate/perSecond'], [{ limits: { rate: { perSecond: 1, burst: 100_001 } } }, '/http/limits/rate/burst'],
    [{ limits: { maxBodyBytes: -1 } }, '/http/limits/maxBodyBytes'], [{ limits: { timeoutSeconds: 0 } }, '/http/limits/timeoutSeconds'],
    [{ authentication: 'jwt' }, '/http/jwt'], [{ jwt: JWT }, '/http/jwt'], ...jwtFaults([{ issuer: 'login.example' }, '/issuer'], [{ issuer: 'https://login.example/?x' }, '/issuer'], [{ issuer: undefined }, '/issuer'],
      [{ audiences: [] }, '/audiences'], [{ audiences: ['a', ''] }, '/audiences/1'], [{ audiences: ['a', 'a'] }, '/audiences'], [{ claims: Array.from({ length: 11 }, (_, index) => ({ name: `c${index}`, values: ['b'] })) }, '/claims'],
      [{ claims: [{ name: '', values: ['a'] }] }, '/claims/0/name'], [{ claims: [{ name: 'scope', values: [] }] }, '/claims/0/values'], [{ claims: [{ name: 'a', values: ['b'] }, { name: 'a', values: ['c'] }] }, '/claims']),
    [{ cors: {} }, '/http/cors/allowOrigins'], [{ cors: { allowOrigins: ['https://a.example/'] } }, '/http/cors/allowOrigins/0'], [{ cors: { allowOrigins: ['https://a.example', 'null'] } }, '/http/cors/allowOrigins/1'],
    [{ cors: { allowOrigins: ['*', 'https://a.example'] } }, '/http/cors/allowOrigins'], [{ cors: { allowOrigins: ['https://A.example'] } }, '/http/cors/allowOrigins/0'], [{ cors: { allowOrigins: ['https://a.example', 'https://a.example'] } }, '/http/cors/allowOrigins'],
    [{ cors: { allowOrigins: ['*'], allowCredentials: true } }, '/http/cors/allowCredentials'], [{ cors: { allowOrigins: ['*'], allowMethods: [] } }, '/http/cors/allowMethods'],
    [{ cors: { allowOrigins: ['*'], allowHeaders: ['X-Order'] } }, '/http/cors/allowHeaders/0'], [{ cors: { allowOrigins: ['*'], exposeHeaders: ['a b'] } }, '/http/cors/exposeHeaders/0'], [{ cors: { allowOrigins: ['*'], maxAgeSeconds: 86_401 } }, '/http/cors/maxAgeSeconds'],
  ])('%j is refused at %s', (http, pointer) => {
    expect(pointers(body(http))).toEqual([pointer]);
  });

  it('needs a name, a function and a place', () => {
    expect(pointers({ name: '3', function: '' } as TriggerBody)).toEqual(['/name', '/function', '/http']);
  });
});
