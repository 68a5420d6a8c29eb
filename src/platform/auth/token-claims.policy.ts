import type { TrustedIssuer } from '../config/config.js';
import { normaliseEmail } from './email.policy.js';
import { PLATFORM_ROLES, type PlatformRole } from './permissions.js';

export interface VerifiedToken {
  issuer: string;
  subject: string;
  /** Epoch ms. */
  expiresAt: number;
  platformRoles: readonly PlatformRole[];
  /** Normalised; only where the issuer says that it verified it. */
  email?: string;
}

const MAX_SUBJECT_LENGTH = 255;
/** The year 9999: what lies beyond is no date but a way to say "never". */
const LATEST_EXPIRY_SECONDS = 253_402_300_799;
// eslint-disable-next-line no-control-regex -- they are what is looked for: Postgres refuses NUL, logs and lists are broken up by the rest
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Of a token whose signature, issuer and audience are good; undefined where its claims are not. */
export function readClaims(claims: Record<string, unknown>, settings: Pick<TrustedIssuer, 'issuer' | 'platformRolesClaim' | 'emailClaim'>): VerifiedToken | undefined {
  const { exp, sub } = claims;
  if (typeof exp !== 'number' || !(exp <= LATEST_EXPIRY_SECONDS)) return undefined;
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_LENGTH || CONTROL.test(sub) || !sub.isWellFormed()) return undefined;
  const roles = settings.platformRolesClaim ? claims[settings.platformRolesClaim] : [];
  const platformRoles = Array.isArray(roles) ? PLATFORM_ROLES.filter((role) => roles.includes(role)) : [];
  const claimed = settings.emailClaim && claims.email_verified === true ? claims[settings.emailClaim] : undefined;
  const email = typeof claimed === 'string' ? normaliseEmail(claimed) : undefined;
  return { issuer: settings.issuer, subject: sub, expiresAt: exp * 1000, platformRoles, ...(email === undefined ? {} : { email }) };
}
