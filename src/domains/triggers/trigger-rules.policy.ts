import {
  ANY, CORS_HEADER, CORS_ORIGIN, HTTP_METHODS, LONGEST_AUDIENCE, LONGEST_CLAIM_NAME, LONGEST_CLAIM_VALUE, LONGEST_CORS_AGE_SECONDS, LONGEST_TRIGGER_PATH, LONGEST_TRIGGER_TIMEOUT_SECONDS, MOST_AUDIENCES,
  MOST_BODY_BYTES, MOST_CLAIM_VALUES, MOST_CLAIMS, MOST_CORS_ITEMS, MOST_PER_SECOND, PATH_MATCHES, TOKEN_ISSUER, TRIGGER_AUTHENTICATIONS, TRIGGER_HOST, TRIGGER_NAME, TRIGGER_PATH, type CorsSpec,
  type HttpMethod, type RateSpec, type RequiredClaim, type TriggerJwtSpec, type TriggerLimitsSpec,
} from '../../contract/triggers.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import type { HttpTriggerBody, TriggerBody } from './trigger-body.js';

/** Hosts the platform itself answers at. */
export interface ReservedHosts {
  /** Each alone. */
  hosts: readonly string[];
  /** Functions have hosts of their own below it. */
  domain: string | undefined;
}

const NAME_WORDS = 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter, have no three hyphens in a row and not look like a UUID';
const PATH_WORDS = `must start with a slash, have at most ${LONGEST_TRIGGER_PATH} characters, and hold neither encoded characters nor empty or dot segments`;

/** Everything about a trigger that can be judged without looking anything up: of bodies, and of what a merge patch came to. */
export function triggerProblems(body: TriggerBody, reserved: ReservedHosts): FieldProblem[] {
  const { name, http } = body;
  return [
    ...(typeof name === 'string' && TRIGGER_NAME.test(name) ? [] : [problem('/name', NAME_WORDS)]),
    ...(typeof body.function === 'string' && body.function !== '' ? [] : [problem('/function', 'must name a function of this tenant')]),
    ...(typeof http === 'object' ? httpProblems(http, reserved) : [problem('/http', 'must be given: it says where the trigger answers')]),
  ];
}

function httpProblems({ host, path, methods, rewrite, authentication, jwt, tls, cors, limits }: HttpTriggerBody, reserved: ReservedHosts): FieldProblem[] {
  return [
    ...hostProblems(host, reserved),
    ...pathProblems(path),
    ...(methods === undefined ? [] : methodProblems('/http/methods', methods)),
    ...(rewrite === undefined || isPath(rewrite?.prefix) ? [] : [problem('/http/rewrite/prefix', PATH_WORDS)]),
    ...(TRIGGER_AUTHENTICATIONS.includes(authentication) ? [] : [problem('/http/authentication', `must be one of ${TRIGGER_AUTHENTICATIONS.join(', ')}`)]),
    ...jwtProblems(authentication, jwt),
    ...(tls === undefined || (typeof tls?.secret === 'string' && tls.secret !== '') ? [] : [problem('/http/tls/secret', 'must name a secret of this tenant')]),
    ...(cors === undefined ? [] : corsProblems(cors)),
    ...(limits === undefined ? [] : limitsProblems(limits)),
  ];
}

function hostProblems(host: string, { hosts, domain }: ReservedHosts): FieldProblem[] {
  if (typeof host !== 'string' || !TRIGGER_HOST.test(host)) return [problem('/http/host', 'must be a host name of at least two labels in lower case, without a port, and no IP address')];
  const isOwn = hosts.includes(host) || (domain !== undefined && (host === domain || host.endsWith(`.${domain}`)));
  return isOwn ? [problem('/http/host', 'is an address of the platform itself: choose a host of your own')] : [];
}

function pathProblems(path: HttpTriggerBody['path'] | undefined): FieldProblem[] {
  if (!PATH_MATCHES.includes(path?.type as never)) return [problem('/http/path/type', `must be one of ${PATH_MATCHES.join(', ')}`)];
  const { type, value } = path!;
  if (!isPath(value)) return [problem('/http/path/value', PATH_WORDS)];
  const slashAtEnd = type === 'prefix' && value !== '/' && value.endsWith('/');
  return slashAtEnd ? [problem('/http/path/value', 'must not end with a slash: a prefix takes whole segments, so it is the same without')] : [];
}

function methodProblems(pointer: string, methods: readonly HttpMethod[]): FieldProblem[] {
  if (!Array.isArray(methods) || methods.length === 0 || !methods.every((method) => HTTP_METHODS.includes(method as HttpMethod))) {
    return [problem(pointer, `must hold one or more of ${HTTP_METHODS.join(', ')}; leave it out for all`)];
  }
  return new Set(methods).size === methods.length ? [] : [problem(pointer, 'names a method twice')];
}

/** Of its addresses the form alone: whether they may be called is another's to say. */
function jwtProblems(authentication: HttpTriggerBody['authentication'], jwt: TriggerJwtSpec | undefined): FieldProblem[] {
  const at = '/http/jwt';
  if (authentication !== 'jwt') return jwt === undefined ? [] : [problem(at, 'goes with authentication jwt alone')];
  if (jwt === undefined) return [problem(at, 'must be given with authentication jwt: it says whose tokens are let in')];
  const { issuer, audiences, claims = [] } = jwt;
  return [
    ...(typeof issuer === 'string' && TOKEN_ISSUER.test(issuer) ? [] : [problem(`${at}/issuer`, 'must be the address in the tokens\' iss, without a query and a fragment')]),
    ...textsProblems(`${at}/audiences`, audiences, { most: MOST_AUDIENCES, least: 1, longest: LONGEST_AUDIENCE }),
    ...(Array.isArray(claims) && claims.length <= MOST_CLAIMS ? claims.flatMap((claim, index) => claimProblems(`${at}/claims/${index}`, claim)) : [problem(`${at}/claims`, `must hold at most ${MOST_CLAIMS} claims`)]),
    ...(Array.isArray(claims) && new Set(claims.map((claim) => claim?.name)).size < claims.length ? [problem(`${at}/claims`, 'names a claim twice')] : []),
  ];
}

function claimProblems(pointer: string, claim: RequiredClaim | undefined): FieldProblem[] {
  const named = typeof claim?.name === 'string' && claim.name !== '' && claim.name.length <= LONGEST_CLAIM_NAME;
  return [
    ...(named ? [] : [problem(`${pointer}/name`, `must be a name of at most ${LONGEST_CLAIM_NAME} characters`)]),
    ...textsProblems(`${pointer}/values`, claim?.values, { most: MOST_CLAIM_VALUES, least: 0, longest: LONGEST_CLAIM_VALUE }),
  ];
}

function textsProblems(pointer: string, texts: readonly string[] | undefined, { most, least, longest }: { most: number; least: number; longest: number }): FieldProblem[] {
  if (!Array.isArray(texts) || texts.length === 0 || texts.length > most) return [problem(pointer, `must hold 1 to ${most} entries`)];
  const wrong = texts.findIndex((text) => typeof text !== 'string' || text.length < least || text.length > longest);
  if (wrong >= 0) return [problem(`${pointer}/${wrong}`, `must be a text of ${least} to ${longest} characters`)];
  return new Set(texts).size === texts.length ? [] : [problem(pointer, 'names an entry twice')];
}

function corsProblems({ allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAgeSeconds }: CorsSpec): FieldProblem[] {
  const at = '/http/cors';
  return [
    ...itemProblems(`${at}/allowOrigins`, allowOrigins, CORS_ORIGIN, 'an origin such as https://shop.example, in lower case and without a path'),
    ...(allowMethods === undefined ? [] : methodProblems(`${at}/allowMethods`, allowMethods)),
    ...(allowHeaders === undefined ? [] : itemProblems(`${at}/allowHeaders`, allowHeaders, CORS_HEADER, 'the name of a header field in lower case')),
    ...(exposeHeaders === undefined ? [] : itemProblems(`${at}/exposeHeaders`, exposeHeaders, CORS_HEADER, 'the name of a header field in lower case')),
    ...(allowCredentials && allowOrigins?.[0] === ANY ? [problem(`${at}/allowCredentials`, 'cannot go with all origins: name those whose pages may send credentials')] : []),
    ...numberProblems(`${at}/maxAgeSeconds`, maxAgeSeconds, 0, LONGEST_CORS_AGE_SECONDS),
  ];
}

function limitsProblems({ rate, callerRate, maxBodyBytes, timeoutSeconds }: TriggerLimitsSpec): FieldProblem[] {
  const at = '/http/limits';
  return [
    ...rateProblems(`${at}/rate`, rate),
    ...rateProblems(`${at}/callerRate`, callerRate),
    ...numberProblems(`${at}/maxBodyBytes`, maxBodyBytes, 0, MOST_BODY_BYTES),
    ...numberProblems(`${at}/timeoutSeconds`, timeoutSeconds, 1, LONGEST_TRIGGER_TIMEOUT_SECONDS),
  ];
}

function rateProblems(pointer: string, rate: RateSpec | undefined): FieldProblem[] {
  if (rate === undefined) return [];
  if (rate.perSecond === undefined) return [problem(`${pointer}/perSecond`, 'must be given')];
  return [...numberProblems(`${pointer}/perSecond`, rate.perSecond, 1, MOST_PER_SECOND), ...numberProblems(`${pointer}/burst`, rate.burst, 1, MOST_PER_SECOND)];
}

function numberProblems(pointer: string, value: number | undefined, least: number, most: number): FieldProblem[] {
  return value === undefined || (Number.isInteger(value) && value >= least && value <= most) ? [] : [problem(pointer, `must be a whole number from ${least} to ${most}`)];
}

function itemProblems(pointer: string, items: readonly string[] | undefined, pattern: RegExp, what: string): FieldProblem[] {
  if (!Array.isArray(items) || items.length === 0 || items.length > MOST_CORS_ITEMS) return [problem(pointer, `must hold 1 to ${MOST_CORS_ITEMS} entries`)];
  const wrong = items.findIndex((item) => typeof item !== 'string' || !pattern.test(item));
  if (wrong >= 0) return [problem(`${pointer}/${wrong}`, `must be ${what}, or ${ANY} alone`)];
  if (items.includes(ANY) && items.length > 1) return [problem(pointer, `must hold ${ANY} alone or not at all`)];
  return new Set(items).size === items.length ? [] : [problem(pointer, 'names an entry twice')];
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.length <= LONGEST_TRIGGER_PATH && TRIGGER_PATH.test(value);
}

function problem(pointer: string, message: string): FieldProblem {
  return { pointer, message };
}

/** Hosts of the platform's own addresses, as configured. */
export function reservedHosts(addresses: readonly string[], domain: string | undefined): ReservedHosts {
  return { hosts: addresses.map((address) => new URL(address).hostname.toLowerCase()), domain: domain?.toLowerCase() };
}
