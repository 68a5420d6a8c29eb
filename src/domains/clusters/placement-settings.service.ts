import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { checkEtag, etagOf, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { choosePlacements, type ClusterVerdict } from './placement-choice.policy.js';
import { PlacementChooser, type Outlook } from './placement-chooser.js';
import { PLACEMENT_JOB } from './placement-job.js';
import { ANYWHERE, type PlacementWish } from './placement-states.js';
import type { PlacementSettingsEntity } from './store/placement-settings.entity.js';
import { PlacementSettingsRepository } from './store/placement-settings.repository.js';
import { PlacementsRepository } from './store/placements.repository.js';

/** What a tenant asks of its places, and what comes of it. */
export interface PlacementSettings extends PlacementWish {
  tenantId: string;
  etag: string;
  updatedAt: Date | null;
  effective: {
    /** Names of the clusters that are chosen now. */
    clusters: string[];
    /** So many more are asked for than can be had. */
    missing: number;
    whyHere: ClusterVerdict[];
  };
}

@Injectable()
export class PlacementSettingsService {
  constructor(
    private readonly database: Database,
    private readonly settings: PlacementSettingsRepository,
    private readonly placements: PlacementsRepository,
    private readonly chooser: PlacementChooser,
    private readonly tenants: TenantsService,
    private readonly jobs: JobQueue,
    private readonly audit: AuditService,
  ) {}

  async get(context: TenantContext): Promise<PlacementSettings> {
    return this.describe(context, await this.settings.find(context), await this.chooser.look(context));
  }

  /** Puts all of it; what is needed to meet it follows in the background. @throws {DomainError} ETAG_MISMATCH, TENANT_DELETING. */
  async put(context: TenantContext, wish: PlacementWish, expected: ExpectedEtag): Promise<PlacementSettings> {
    const outlook = await this.chooser.look(context);
    return this.database.transaction(context, async () => {
      const tenant = await this.tenants.requireWritable(context, { whileSuspended: true });
      await this.placements.holdTenant(context);
      const before = await this.settings.find(context);
      checkEtag(expected, { id: tenant.id, version: before?.version ?? 0 });
      const row = await this.settings.put(context, wish);
      await this.audit.record(context, { action: 'placement.update', target: { kind: 'placement', id: tenant.id, name: tenant.name }, before: factsOf(before ?? ANYWHERE), after: factsOf(row) });
      await this.jobs.enqueue(context, { kind: PLACEMENT_JOB, key: context.tenantId, group: context.tenantId });
      return this.describe(context, row, outlook);
    });
  }

  private async describe(context: TenantContext, row: PlacementSettingsEntity | null, { candidates }: Outlook): Promise<PlacementSettings> {
    const { regions, clusterLabels, clusters } = row ?? ANYWHERE;
    const { verdicts, missing } = choosePlacements({ regions, clusterLabels, clusters }, candidates, await this.placements.findAll(context));
    return {
      tenantId: context.tenantId, regions, clusterLabels, clusters, etag: etagOf({ id: context.tenantId, version: row?.version ?? 0 }), updatedAt: row?.updatedAt ?? null,
      effective: { clusters: verdicts.filter(({ verdict }) => verdict === 'chosen').map(({ clusterName }) => clusterName), missing, whyHere: verdicts },
    };
  }
}

function factsOf({ regions, clusterLabels, clusters }: PlacementWish): PlacementWish {
  return { regions, clusterLabels, clusters };
}
