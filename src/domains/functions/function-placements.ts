import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { PlacementsService } from '../clusters/placements.service.js';
import type { OwnPlace, SettingsBody } from './function-body.js';
import { isSame } from './function-parts.policy.js';
import { functionInvalid } from './functions.errors.js';
import { placesOfTenant } from './own-places.policy.js';
import type { FunctionWithTarget } from './store/function.entity.js';

/** What becomes of a function's places when what it asks of them changes. In the caller's transaction. */
@Injectable()
export class FunctionPlacements {
  constructor(private readonly placements: PlacementsService) {}

  /**
   * The places of the row after the change; the job goes on from them.
   * @throws {DomainError} FUNCTION_INVALID, with pointers, for a new rule that no cluster meets, whatever state the clusters are in.
   */
  async after(context: TenantContext, before: FunctionWithTarget | null, { placement: rule }: SettingsBody): Promise<OwnPlace[] | null> {
    // Without a rule it goes back to where its tenant is, if it has been elsewhere.
    if (rule === undefined) return before?.places ?? null;
    if (!isSame(rule, before?.settings.placement ?? {})) {
      const problems = await this.placements.unmet(context, rule);
      if (problems.length > 0) throw functionInvalid(problems);
    }
    if (before === null) return [];
    return before.places ?? placesOfTenant((await this.placements.withClusters(context)).map(({ placement }) => placement));
  }
}
