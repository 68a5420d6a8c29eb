import type { Context } from '../context/context.js';
import type { AskedTarget } from './asked-target.policy.js';

/** A change that was asked for by somebody known, and not made. */
export interface Refusal {
  /** As {@link Audited} declares it. */
  action: string;
  /** Stable code of the answer. */
  code: string;
  target: AskedTarget;
}

/** Turned round: the audit domain keeps refusals, guard and interceptor only tell them (style: rule 2). */
export abstract class RefusalLog {
  /** Writes in a transaction of its own, into the log of the context's tenant, or the platform's where it has none. */
  abstract append(context: Context, refusal: Refusal): Promise<void>;
}
