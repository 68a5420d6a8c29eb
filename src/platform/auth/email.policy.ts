/** RFC 5321 4.5.3.1.3, without the angle brackets. */
export const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_LENGTH = 64;

/**
 * As HTML's `input type=email` has it, with at least one dot in the domain. ASCII only, as other scripts have letters that become
 * an ASCII letter when they are lowered: two addresses that belong to two people would then be the same. Domains of other scripts have their `xn--` form.
 */
export const EMAIL = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/;

/** The form in which addresses are kept and compared: in lower case. Undefined for what is none. */
export function normaliseEmail(text: string): string | undefined {
  if (text.length > MAX_EMAIL_LENGTH || !EMAIL.test(text) || text.indexOf('@') > MAX_LOCAL_LENGTH) return undefined;
  return text.toLowerCase();
}
