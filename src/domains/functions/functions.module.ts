import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ClustersModule } from '../clusters/clusters.module.js';
import { ConfigurationModule } from '../configuration/configuration.module.js';
import { EventsModule } from '../events/events.module.js';
import { OperationsModule } from '../operations/operations.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { CodeController } from './api/code.controller.js';
import { FunctionLoaders } from './api/function-loaders.js';
import { FunctionPlacesController } from './api/function-places.controller.js';
import { FunctionPlacesResolver } from './api/function-places.resolver.js';
import { FunctionTenantResolver } from './api/function-tenant.resolver.js';
import { FunctionsController } from './api/functions.controller.js';
import { FunctionsResolver } from './api/functions.resolver.js';
import { RolloutsController } from './api/rollouts.controller.js';
import { RolloutsResolver } from './api/rollouts.resolver.js';
import { TenantFunctionsResolver } from './api/tenant-functions.resolver.js';
import { EnvironmentObjectsOnCluster } from './cluster/environment-objects.js';
import { FunctionPlacer } from './cluster/function.placer.js';
import { FunctionReconciler } from './cluster/function.reconciler.js';
import { FunctionRemover } from './cluster/function.remover.js';
import { FunctionWatch } from './cluster/function.watch.js';
import { PlacedFunctions } from './cluster/placed-functions.js';
import { LiveSecrets } from './cluster/live-secrets.js';
import { CodeService } from './code.service.js';
import { DeploymentChecks } from './deployment-checks.js';
import { FunctionChanges } from './function-changes.js';
import { FunctionContributors } from './function-contributors.js';
import { FunctionImages } from './function-images.js';
import { FunctionNews } from './function-news.js';
import { FunctionProgress } from './function-progress.js';
import { FunctionPlacements } from './function-placements.js';
import { FunctionPlacesService } from './function-places.service.js';
import { FunctionReservations } from './function-reservations.js';
import { FunctionsConfiguration } from './functions-configuration.js';
import { FunctionsDirectory } from './functions-directory.js';
import { FunctionsParticipant } from './functions.participant.js';
import { FunctionsService } from './functions.service.js';
import { RolloutsService } from './rollouts.service.js';
import { CleanCodeJob } from './jobs/clean-code.job.js';
import { ReconcileFunctionJob } from './jobs/reconcile-function.job.js';
import { RevisionBuilder } from './jobs/revision-builder.js';
import { CodeRepository } from './store/code.repository.js';
import { FunctionsRepository } from './store/functions.repository.js';
import { RevisionsRepository } from './store/revisions.repository.js';

/** Needs a global `QuotaAdmission` (the quotas module provides it). */
@Module({
  imports: [AuditModule, EventsModule, OperationsModule, TenantsModule, ClustersModule, ConfigurationModule],
  controllers: [FunctionsController, FunctionPlacesController, RolloutsController, CodeController],
  providers: [
    FunctionsService, CodeService, FunctionsDirectory, DeploymentChecks, FunctionChanges, FunctionNews, FunctionProgress, FunctionPlacements, FunctionPlacesService, FunctionReservations, RolloutsService, FunctionImages, FunctionsParticipant, FunctionsConfiguration,
    FunctionsRepository, RevisionsRepository, CodeRepository, FunctionsResolver, FunctionPlacesResolver, RolloutsResolver, TenantFunctionsResolver, FunctionTenantResolver, FunctionLoaders,
    ReconcileFunctionJob, CleanCodeJob, RevisionBuilder, FunctionReconciler, FunctionPlacer, LiveSecrets, FunctionRemover, FunctionContributors, FunctionWatch, PlacedFunctions, EnvironmentObjectsOnCluster,
  ],
  exports: [FunctionsService, FunctionPlacesService, RolloutsService, CodeService, FunctionsDirectory, FunctionChanges, FunctionContributors, FunctionImages, FunctionWatch, ReconcileFunctionJob, CleanCodeJob],
})
export class FunctionsModule {}
