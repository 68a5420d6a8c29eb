import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { EventsModule } from '../events/events.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { AnswersParticipant } from './answers.participant.js';
import { ConfigSetsController } from './api/config-sets.controller.js';
import { ConfigSetsResolver } from './api/config-sets.resolver.js';
import { EncryptionController } from './api/encryption.controller.js';
import { EncryptionResolver } from './api/encryption.resolver.js';
import { SecretLoaders } from './api/secret-loaders.js';
import { SecretVersionsController } from './api/secret-versions.controller.js';
import { SecretVersionsResolver } from './api/secret-versions.resolver.js';
import { SecretsController } from './api/secrets.controller.js';
import { SecretsResolver } from './api/secrets.resolver.js';
import { TenantConfigurationResolver } from './api/tenant-configuration.resolver.js';
import { ConfigSetsService } from './config-sets.service.js';
import { ConfigurationListeners } from './configuration-listeners.js';
import { ConfigurationParticipant } from './configuration-participant.js';
import { EncryptionService } from './encryption.service.js';
import { EnvironmentService } from './environment.service.js';
import { RewrapSecretsJob } from './jobs/rewrap-secrets.job.js';
import { SealedHolders } from './sealed-holders.js';
import { SecretRewrap } from './secret-rewrap.js';
import { SecretVersionsService } from './secret-versions.service.js';
import { SecretsService } from './secrets.service.js';
import { ConfigSetsRepository } from './store/config-sets.repository.js';
import { SealedRowsRepository } from './store/sealed-rows.repository.js';
import { SecretVersionsRepository } from './store/secret-versions.repository.js';
import { SecretsRepository } from './store/secrets.repository.js';

/** Needs a global `QuotaAdmission` (the quotas module provides it). */
@Module({
  imports: [AuditModule, EventsModule, TenantsModule],
  controllers: [ConfigSetsController, SecretsController, SecretVersionsController, EncryptionController],
  providers: [
    ConfigSetsService, SecretsService, EnvironmentService, ConfigurationListeners, ConfigurationParticipant,
    ConfigSetsRepository, SecretsRepository, ConfigSetsResolver, SecretsResolver, TenantConfigurationResolver,
    SecretVersionsService, SecretVersionsRepository, SecretVersionsResolver, SecretLoaders,
    EncryptionService, EncryptionResolver, SealedHolders, SecretRewrap, SealedRowsRepository, RewrapSecretsJob, AnswersParticipant,
  ],
  exports: [EncryptionService, SealedHolders, ConfigSetsService, SecretsService, EnvironmentService, ConfigurationListeners],
})
export class ConfigurationModule {}
