import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../platform/context/context.js';
import { UUID } from './function-rules.policy.js';
import { FunctionsRepository } from './store/functions.repository.js';

/** What the meter must know of a revision to price its use. */
export interface MeteredRevision {
  tenantId: string;
  functionName: string;
  cpuMillis: number;
  memoryMb: number;
}

/** Finds functions for work that is not inside a tenant. */
@Injectable()
export class FunctionsDirectory {
  constructor(private readonly functions: FunctionsRepository) {}

  /** Null for a function or revision that is gone, and for what is no function's id. */
  async forMetering(context: SystemContext, functionId: string, revision: number): Promise<MeteredRevision | null> {
    return UUID.test(functionId) && Number.isSafeInteger(revision) ? this.functions.findForMetering(context, functionId, revision) : null;
  }
}
