import { SetMetadata } from '@nestjs/common';

export const AUDITED = Symbol('fnplane:audited');

/**
 * Says which action of the audit log a changing handler asks for: the word its service writes when the change is made, and the
 * one a refusal is recorded under. Where a service writes one of several (a PUT that creates or replaces), it is the common one.
 */
export function Audited(action: `${string}.${string}`) {
  return SetMetadata(AUDITED, action);
}

/** For handlers that are called like changes and are none: invocations change nothing of the platform's. */
export function NotAudited() {
  return SetMetadata(AUDITED, null);
}
