import type { AuditResult } from './audit-result.js';

/** Which entries are asked for; all that is given must be so, exactly. */
export interface AuditFilter {
  principal?: string;
  action?: string;
  targetKind?: string;
  /** Id or name. */
  target?: string;
  result?: AuditResult;
  requestId?: string;
  /** Half-open: from is inside, to is not. */
  from?: Date;
  to?: Date;
}

/** Over all tenants, those that are gone and the platform's own entries included. */
export interface PlatformAuditFilter extends AuditFilter {
  /** Name or id of one tenant; a name may have been several tenants' one after the other. */
  tenant?: string;
}
