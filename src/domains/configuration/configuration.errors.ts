import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';

/** The two kinds of named environment sets: config sets are readable, secrets are not. */
export type ConfigurationKind = 'config' | 'secret';

export type ConfigurationErrorCode =
  | 'CONFIG_NOT_FOUND' | 'SECRET_NOT_FOUND' | 'CONFIG_NAME_TAKEN' | 'SECRET_NAME_TAKEN' | 'CONFIG_IN_USE' | 'SECRET_IN_USE' | 'CONFIGURATION_INVALID' | 'CONFIGURATION_TOO_LARGE'
  | 'SECRET_VERSION_NOT_FOUND' | 'SECRET_VERSION_CURRENT' | 'SECRET_VERSION_DESTROYED' | 'SECRET_WITHOUT_VALUE';

const WORDS = {
  config: { noun: 'config set', many: 'config sets', list: 'configs', code: 'CONFIG' },
  secret: { noun: 'secret', many: 'secrets', list: 'secrets', code: 'SECRET' },
} as const satisfies Record<ConfigurationKind, unknown>;

const NAMED_USERS = 10;

export function setNotFound(kind: ConfigurationKind): DomainError<ConfigurationErrorCode> {
  return new DomainError('not-found', `${WORDS[kind].code}_NOT_FOUND`, `There is no such ${WORDS[kind].noun} in this tenant.`);
}

/** If-Match on a set that does not exist. */
export function nothingToMatch(kind: ConfigurationKind): DomainError {
  return new DomainError('precondition-failed', 'ETAG_MISMATCH', `There is no such ${WORDS[kind].noun} that the change could be based on; it was deleted or never there.`);
}

/** For a body that names sets: one field problem for each that does not exist. */
export function namedSetsNotFound(kind: ConfigurationKind, asked: readonly string[], missing: ReadonlySet<string>): DomainError<ConfigurationErrorCode> {
  const { noun, many, list, code } = WORDS[kind];
  const names = [...missing];
  const fields: FieldProblem[] = asked.flatMap((name, index) => (missing.has(name) ? [{ pointer: `/${list}/${index}`, message: `names no ${noun} of this tenant: ${name}` }] : []));
  const message = names.length === 1 ? `There is no ${noun} ${names[0]} in this tenant.` : `There are no ${many} ${names.join(', ')} in this tenant.`;
  return new DomainError('invalid', `${code}_NOT_FOUND`, message, { fields });
}

/** Secrets that are there, but whose current version is not: nothing a function could be given. */
export function secretsWithoutValue(names: readonly string[]): DomainError<ConfigurationErrorCode> {
  const [subject, object] = names.length === 1 ? [`secret ${names[0]} has`, 'it'] : [`secrets ${names.join(', ')} have`, 'them'];
  return new DomainError('conflict', 'SECRET_WITHOUT_VALUE', `The ${subject} no value any more; give ${object} a new one, or make a version that is kept the current one.`);
}

/** Never kept, or too old to be. */
export function versionNotFound(): DomainError<ConfigurationErrorCode> {
  return new DomainError('not-found', 'SECRET_VERSION_NOT_FOUND', 'The secret has no such version; the last ten are kept, and its list of versions names them.');
}

export function versionIsCurrent(name: string, number: number): DomainError<ConfigurationErrorCode> {
  return new DomainError('conflict', 'SECRET_VERSION_CURRENT', `Version ${number} of the secret ${name} is the current one: functions may use it. Write a new value or make another version current first.`);
}

export function versionDestroyed(name: string, number: number): DomainError<ConfigurationErrorCode> {
  return new DomainError('conflict', 'SECRET_VERSION_DESTROYED', `Version ${number} of the secret ${name} was destroyed: its values are gone for good. Write a new value instead.`);
}

export function nameTaken(kind: ConfigurationKind, name: string): DomainError<ConfigurationErrorCode> {
  return new DomainError('conflict', `${WORDS[kind].code}_NAME_TAKEN`, `This tenant already has a ${WORDS[kind].noun} ${name}; PUT changes it.`, { fields: [{ pointer: '/name', message: 'is taken' }] });
}

export function inUse(kind: ConfigurationKind, name: string, functions: readonly string[]): DomainError<ConfigurationErrorCode> {
  const named = functions.slice(0, NAMED_USERS).join(', ');
  const rest = functions.length > NAMED_USERS ? ` and ${functions.length - NAMED_USERS} more` : '';
  return new DomainError('conflict', `${WORDS[kind].code}_IN_USE`,
    `The ${WORDS[kind].noun} ${name} is used by ${functions.length === 1 ? 'the function' : 'the functions'} ${named}${rest}; take it out of them first.`, { details: { functions: `${named}${rest}` } });
}

export function nameInvalid(): DomainError<ConfigurationErrorCode> {
  const message = 'must be 1 to 63 lower-case letters, digits and hyphens, start with a letter, end with a letter or digit, and not look like a UUID';
  return new DomainError('invalid', 'CONFIGURATION_INVALID', `/name: ${message}.`, { fields: [{ pointer: '/name', message }] });
}

export function dataInvalid(fields: FieldProblem[]): DomainError<ConfigurationErrorCode> {
  const first = fields[0]!;
  return new DomainError('invalid', 'CONFIGURATION_INVALID', `${first.pointer}: ${first.message}${fields.length > 1 ? ` (and ${fields.length - 1} more)` : ''}.`, { fields });
}

export function dataTooLarge(bytes: number, allowed: number): DomainError<ConfigurationErrorCode> {
  return new DomainError('too-large', 'CONFIGURATION_TOO_LARGE', `All names and values together have ${bytes} bytes; ${allowed} are allowed.`,
    { fields: [{ pointer: '/data', message: `must have at most ${allowed} bytes in all` }], details: { allowed, bytes } });
}
