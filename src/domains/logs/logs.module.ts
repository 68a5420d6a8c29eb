import { Module } from '@nestjs/common';
import { ClustersModule } from '../clusters/clusters.module.js';
import { FunctionsModule } from '../functions/functions.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { LogsController } from './api/logs.controller.js';
import { LogsResolver } from './api/logs.resolver.js';
import { LogCollector } from './cluster/log-collector.js';
import { FollowerRoom } from './follower-room.js';
import { CleanLogsJob } from './jobs/clean-logs.job.js';
import { LogWakes } from './log-wakes.js';
import { LogsParticipant } from './logs.participant.js';
import { LogsService } from './logs.service.js';
import { LogCleaningRepository } from './store/log-cleaning.repository.js';
import { LogEntriesRepository } from './store/log-entries.repository.js';
import { LogIntakeRepository } from './store/log-intake.repository.js';
import { LogLeasesRepository } from './store/log-leases.repository.js';

@Module({
  imports: [TenantsModule, ClustersModule, FunctionsModule],
  controllers: [LogsController],
  providers: [
    LogsService, LogsParticipant, LogWakes, FollowerRoom, CleanLogsJob, LogCollector, LogEntriesRepository, LogIntakeRepository, LogCleaningRepository, LogLeasesRepository, LogsResolver,
  ],
  exports: [LogsService, LogCollector],
})
export class LogsModule {}
