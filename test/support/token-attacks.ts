import { createHmac, generateKeyPairSync, randomUUID, sign, constants, type KeyObject, type SignKeyObjectInput } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import type { TrustedIssuer } from '../../src/platform/config/config.js';

/** An issuer of the tests with its key pair. */
export interface AttackedIssuer {
  settings: TrustedIssuer;
  privateKey: KeyObject;
  publicKey: KeyObject;
  kid: string;
  alg: 'RS256' | 'ES256';
}

export type Claims = Record<string, unknown>;
type Header = Record<string, unknown>;
type Signer = (data: Buffer) => Buffer | string;

const AUDIENCE = 'fnplane-attacked';

/** One issuer with an RSA key, one with an elliptic curve. @param jwksUri makes its keys remote; static otherwise. */
export function attackedIssuer(alg: AttackedIssuer['alg'], jwksUri?: string): AttackedIssuer {
  const { privateKey, publicKey } = alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = `key-${randomUUID()}`;
  const issuer: AttackedIssuer = { settings: { issuer: `https://${randomUUID()}.fnplane.invalid`, audience: AUDIENCE, algorithms: [alg] }, privateKey, publicKey, kid, alg };
  Object.assign(issuer.settings, jwksUri ? { jwksUri } : { jwks: keySet(issuer) });
  return issuer;
}

/** The set the issuer publishes. */
export function keySet({ publicKey, kid, alg }: AttackedIssuer): { keys: Record<string, unknown>[] } {
  return { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }] };
}

function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

function compact(header: unknown, payload: unknown, signer: Signer): string {
  const data = `${part(header)}.${part(payload)}`;
  return `${data}.${Buffer.from(signer(Buffer.from(data))).toString('base64url')}`;
}

function by(key: KeyObject, how: Omit<SignKeyObjectInput, 'key'> = {}, hash = 'sha256'): Signer {
  return (data) => sign(hash, data, { key, dsaEncoding: 'ieee-p1363', ...how });
}

function shared(secret: string | Buffer, hash = 'sha256'): Signer {
  return (data) => createHmac(hash, secret).update(data).digest();
}

const seconds = (offset: number): number => Math.floor(Date.now() / 1000) + offset;

function goodClaims(issuer: AttackedIssuer, changes: Claims = {}): Claims {
  return { iss: issuer.settings.issuer, aud: AUDIENCE, sub: 'somebody', iat: seconds(0), exp: seconds(600), ...changes };
}

/** A token as the issuer itself would sign it, with what a test changes. */
export function issuedToken(issuer: AttackedIssuer, claims: Claims = {}, header: Header = {}): string {
  return compact({ alg: issuer.alg, kid: issuer.kid, ...header }, goodClaims(issuer, claims), by(issuer.privateKey));
}

/** Every way to be let in without a good token, as `name -> token`. `trap` is an address that nothing may ever ask. */
export async function tokenAttacks(rsa: AttackedIssuer, ec: AttackedIssuer, trap: string): Promise<[name: string, token: string][]> {
  return [...unsigned(rsa), ...confused(rsa, ec), ...injected(rsa, trap), ...badClaims(rsa), ...badNumbers(rsa), ...badSignatures(rsa, ec), ...extensions(rsa), ...(await otherForms(rsa))];
}

function unsigned(rsa: AttackedIssuer): [string, string][] {
  const spellings = ['none', 'None', 'NONE', 'nOnE', 'none ', '', null, undefined, 0, ['none'], ['RS256']];
  return spellings.flatMap((alg): [string, string][] => [
    [`alg ${JSON.stringify(alg)} without a signature`, compact({ alg, kid: rsa.kid }, goodClaims(rsa), () => '')],
    [`alg ${JSON.stringify(alg)} with some signature`, compact({ alg, kid: rsa.kid }, goodClaims(rsa), by(rsa.privateKey))],
  ]);
}

/** The public key, which everybody has, as the secret of an HMAC. */
function confused(rsa: AttackedIssuer, ec: AttackedIssuer): [string, string][] {
  return [rsa, ec].flatMap((issuer) => {
    const forms: [string, string | Buffer][] = [
      ['PEM', issuer.publicKey.export({ format: 'pem', type: 'spki' })],
      ['PEM without the last line break', String(issuer.publicKey.export({ format: 'pem', type: 'spki' })).trimEnd()],
      ['DER', issuer.publicKey.export({ format: 'der', type: 'spki' })],
      ['JWK', JSON.stringify(keySet(issuer).keys[0])],
      ['nothing', ''],
    ];
    return forms.flatMap(([form, secret]): [string, string][] => [256, 384, 512].map((bits) => (
      [`HS${bits} with the ${issuer.alg} public key as ${form}`, compact({ alg: `HS${bits}`, kid: issuer.kid }, goodClaims(issuer), shared(secret, `sha${bits}`))])));
  });
}

/** Keys of the attacker's own, and hints at where to find them. */
function injected(rsa: AttackedIssuer, trap: string): [string, string][] {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'mine', alg: 'RS256', use: 'sig' };
  const x5c = [pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')];
  const forged = (header: Header): string => compact({ alg: 'RS256', ...header }, goodClaims(rsa), by(pair.privateKey));
  const kids: unknown[] = ['../../../../dev/null', '/dev/null', '\' OR 1=1 --', '\'; SELECT pg_sleep(10) --', `${trap}/kid`, 'x'.repeat(4_000), '', null, 0, [rsa.kid], { kid: rsa.kid }, '__proto__', 'constructor', `${rsa.kid}\u0000`];
  const hints: Header[] = [{ jku: `${trap}/jku` }, { x5u: `${trap}/x5u` }, { jwk }, { x5c }, { jku: `${trap}/jku`, x5u: `${trap}/x5u`, jwk, x5c, 'x5t#S256': 'AAAA', x5t: 'AAAA' }];
  return [
    ...kids.map((kid): [string, string] => [`kid ${JSON.stringify(kid)?.slice(0, 40)}`, forged({ kid })]),
    ...hints.flatMap((hint): [string, string][] => {
      const name = Object.keys(hint).join('+');
      return [[`${name} of the attacker`, forged({ ...hint, kid: 'mine' })], [`${name} of the attacker under a trusted kid`, forged({ ...hint, kid: rsa.kid })], [`${name} of the attacker without kid`, forged(hint)]];
    }),
    ['another issuer, named by an address', compact({ alg: 'RS256', kid: 'mine' }, goodClaims(rsa, { iss: trap }), by(pair.privateKey))],
  ];
}

/** Well signed by a trusted issuer, and still not for us, not yet, no longer, or for nobody. */
function badClaims(rsa: AttackedIssuer): [string, string][] {
  const changes: [string, Claims][] = [
    ['expired', { exp: seconds(-1) }], ['expired long ago', { exp: seconds(-100_000) }],
    ['nbf in the future', { nbf: seconds(120) }], ['nbf as text', { nbf: 'now' }],
    ['another audience', { aud: 'somebody-else' }], ['an audience that begins like ours', { aud: `${AUDIENCE}2` }], ['an audience in another case', { aud: AUDIENCE.toUpperCase() }],
    ['audiences without ours', { aud: ['a', 'b'] }], ['no audience in the list', { aud: [] }], ['an audience inside a list inside a list', { aud: [[AUDIENCE]] }], ['an audience as object', { aud: { 0: AUDIENCE } }], ['no aud', { aud: undefined }],
    ['another issuer', { iss: 'https://elsewhere.invalid' }], ['the issuer with a slash', { iss: `${rsa.settings.issuer}/` }], ['the issuer in a list', { iss: [rsa.settings.issuer] }], ['no iss', { iss: undefined }],
    ['no exp', { exp: undefined }],
    ['no sub', { sub: undefined }], ['an empty sub', { sub: '' }], ['sub as number', { sub: 7 }], ['sub as list', { sub: ['somebody'] }], ['a sub with a NUL', { sub: 'some\u0000body' }], ['a sub with a line break', { sub: 'some\nbody' }], ['a sub that is too long', { sub: 's'.repeat(256) }],
  ];
  return changes.map(([name, change]) => [name, issuedToken(rsa, change)]);
}

function badNumbers(rsa: AttackedIssuer): [string, string][] {
  const raw = (exp: string): string => compact({ alg: 'RS256', kid: rsa.kid }, JSON.stringify(goodClaims(rsa, { exp: 0 })).replace('"exp":0', `"exp":${exp}`), by(rsa.privateKey));
  return ['"9999999999"', '1e300', '1e999', 'NaN', 'Infinity', 'null', 'true', '[9999999999]', '{}', '-1', '253402300800'].map((exp) => [`exp ${exp}`, raw(exp)]);
}

function badSignatures(rsa: AttackedIssuer, ec: AttackedIssuer): [string, string][] {
  const good = issuedToken(rsa);
  const [header, payload, signature] = good.split('.') as [string, string, string];
  const admin = part(goodClaims(rsa, { sub: 'somebody-else' }));
  const flipped = Buffer.from(signature, 'base64url');
  flipped[0]! ^= 1;
  const der = { alg: 'ES256', kid: ec.kid };
  return [
    ['a truncated signature', good.slice(0, -20)], ['no signature', `${header}.${payload}.`], ['two parts', `${header}.${payload}`], ['four parts', `${good}.${signature}`],
    ['a changed signature', `${header}.${payload}.${flipped.toString('base64url')}`], ['changed claims', `${header}.${admin}.${signature}`], ['zeros for a signature', `${header}.${payload}.${Buffer.alloc(256).toString('base64url')}`],
    ['an ES256 signature in DER form', compact(der, goodClaims(ec), by(ec.privateKey, { dsaEncoding: 'der' }))],
    ['an ES256 signature of zeros', compact(der, goodClaims(ec), () => Buffer.alloc(64))], ['an empty ES256 signature', compact(der, goodClaims(ec), () => '')],
    ['one issuer\'s token signed by another trusted issuer', compact({ alg: 'ES256', kid: ec.kid }, goodClaims(rsa), by(ec.privateKey))],
    ['the same the other way round', compact({ alg: 'RS256', kid: rsa.kid }, goodClaims(ec), by(rsa.privateKey))],
    ['the same under the kid of the one it speaks for', compact({ alg: 'RS256', kid: ec.kid }, goodClaims(ec), by(rsa.privateKey))],
    ['an RS key used for PS256', compact({ alg: 'PS256', kid: rsa.kid }, goodClaims(rsa), by(rsa.privateKey, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }))],
    ['an algorithm of the same key that is not allowed', compact({ alg: 'RS512', kid: rsa.kid }, goodClaims(rsa), by(rsa.privateKey, {}, 'sha512'))],
    ['one algorithm named, another used', compact({ alg: 'ES256', kid: rsa.kid }, goodClaims(rsa), by(rsa.privateKey))],
  ];
}

function extensions(rsa: AttackedIssuer): [string, string][] {
  const headers: [string, Header][] = [
    ['an unknown critical extension', { crit: ['x-unknown'], 'x-unknown': 1 }], ['no critical extension in the list', { crit: [] }], ['crit as text', { crit: 'exp' }],
    ['b64=false', { b64: false }], ['b64=false, critical', { b64: false, crit: ['b64'] }], ['b64=true, critical', { b64: true, crit: ['b64'] }],
  ];
  const plain = { alg: 'RS256', kid: rsa.kid, b64: false, crit: ['b64'] };
  const unencoded = `${part(plain)}.${JSON.stringify(goodClaims(rsa))}`.replaceAll(' ', '');
  return [
    ...headers.map(([name, header]): [string, string] => [name, issuedToken(rsa, {}, header)]),
    ['an unencoded payload', `${unencoded}.${by(rsa.privateKey)(Buffer.from(unencoded)).toString('base64url')}`],
  ];
}

async function otherForms(rsa: AttackedIssuer): Promise<[string, string][]> {
  const good = issuedToken(rsa);
  const [header, payload, signature] = good.split('.');
  const encrypted = (content: string) => new CompactEncrypt(Buffer.from(content)).setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: rsa.kid, cty: 'JWT' }).encrypt(rsa.publicKey);
  return [
    ['an oversize token', issuedToken(rsa, { padding: 'x'.repeat(9_000) })],
    ['an encrypted token (JWE) around claims', await encrypted(JSON.stringify(goodClaims(rsa)))], ['an encrypted token (JWE) around a good one', await encrypted(good)],
    ['the JSON form of a good token', JSON.stringify({ payload, protected: header, signature })],
    ['claims that are no object', compact({ alg: 'RS256', kid: rsa.kid }, '[]', by(rsa.privateKey))], ['claims that are not JSON', compact({ alg: 'RS256', kid: rsa.kid }, '{', by(rsa.privateKey))],
    ['a header that is not JSON', `${part('{')}.${payload}.${signature}`], ['a header that is a list', `${part('[]')}.${payload}.${signature}`], ['dots', '..'], ['text', 'token'],
  ];
}
