import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { ConfigurationModule } from '../configuration/configuration.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ClusterMutationsResolver } from './api/cluster-mutations.resolver.js';
import { ClustersController } from './api/clusters.controller.js';
import { ClustersResolver } from './api/clusters.resolver.js';
import { PlacementSettingsController } from './api/placement-settings.controller.js';
import { PlacementSettingsResolver } from './api/placement-settings.resolver.js';
import { PlacementsController } from './api/placements.controller.js';
import { PlacementsResolver } from './api/placements.resolver.js';
import { TenantPlacementsResolver } from './api/tenant-placements.resolver.js';
import { ClusterBootstrap } from './cluster/cluster-bootstrap.js';
import { ClusterConnections } from './cluster/cluster-connections.js';
import { ClusterConnector } from './cluster/cluster-connector.js';
import { PlacementReconciler } from './cluster/placement.reconciler.js';
import { PlacementWatch } from './cluster/placement.watch.js';
import { ClusterAdministrationService } from './cluster-administration.service.js';
import { ClusterAttempt } from './cluster-attempt.js';
import { ClusterRegistry } from './cluster-registry.js';
import { ClustersService } from './clusters.service.js';
import { ClusterHeartbeatJob } from './jobs/cluster-heartbeat.job.js';
import { MoveTenantJob } from './jobs/move-tenant.job.js';
import { KubeconfigCheck } from './kubeconfig-check.js';
import { PlacementParticipant } from './placement.participant.js';
import { PlacementChooser } from './placement-chooser.js';
import { PlacementGuests } from './placement-guests.js';
import { PlacementInputs } from './placement-inputs.js';
import { PlacementMover } from './placement-mover.js';
import { PlacementRemoval } from './placement-removal.js';
import { PlacementSettingsService } from './placement-settings.service.js';
import { PlacementsService } from './placements.service.js';
import { SealedKubeconfigs } from './sealed-kubeconfigs.js';
import { ClusterCredentialsRepository } from './store/cluster-credentials.repository.js';
import { ClustersRepository } from './store/clusters.repository.js';
import { PlacementSettingsRepository } from './store/placement-settings.repository.js';
import { PlacementsRepository } from './store/placements.repository.js';

/** Needs `QuotaAdmission`, which the quotas domain provides to all. */
@Module({
  imports: [AuditModule, TenantsModule, AccessModule, ConfigurationModule],
  controllers: [ClustersController, PlacementsController, PlacementSettingsController],
  providers: [
    ClustersService, ClusterAdministrationService, ClusterRegistry, ClustersRepository, ClusterCredentialsRepository, SealedKubeconfigs, KubeconfigCheck, ClusterConnections, ClusterConnector, ClusterBootstrap, ClusterAttempt,
    ClusterHeartbeatJob, ClustersResolver, ClusterMutationsResolver,
    PlacementsService, PlacementSettingsService, PlacementsRepository, PlacementSettingsRepository, PlacementChooser, PlacementGuests, PlacementMover, PlacementRemoval, PlacementReconciler, PlacementParticipant,
    PlacementInputs, PlacementWatch, MoveTenantJob, PlacementsResolver, PlacementSettingsResolver, TenantPlacementsResolver,
  ],
  exports: [ClustersService, PlacementsService, PlacementChooser, PlacementGuests, ClusterRegistry, ClusterConnector, ClusterBootstrap, PlacementWatch, ClusterHeartbeatJob, MoveTenantJob],
})
export class ClustersModule {}
