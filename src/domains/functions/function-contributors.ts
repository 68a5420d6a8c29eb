import { Injectable } from '@nestjs/common';
import type { FunctionSpec } from '../../contract/function-resource.js';
import type { TenantContext } from '../../platform/context/context.js';

/** Fields of a `Function` that are not the functions domain's own. */
export type FunctionContribution = Pick<FunctionSpec, 'triggers'>;

/** A domain further right that has a part in what a cluster is told of a function. When that changes it asks for the function to be looked at again. */
export interface FunctionContributor {
  contribute(context: TenantContext, functionId: string): Promise<FunctionContribution>;
}

/** Turned round, so that `functions` knows none of them: each registers itself when its module starts. */
@Injectable()
export class FunctionContributors {
  private readonly list: FunctionContributor[] = [];

  register(contributor: FunctionContributor): void {
    this.list.push(contributor);
  }

  /** All contributions together. */
  async contribute(context: TenantContext, functionId: string): Promise<FunctionContribution> {
    const triggers: NonNullable<FunctionContribution['triggers']> = {};
    for (const contributor of this.list) Object.assign(triggers, (await contributor.contribute(context, functionId)).triggers);
    return Object.keys(triggers).length === 0 ? {} : { triggers };
  }
}
