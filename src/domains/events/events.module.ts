import { Module } from '@nestjs/common';
import { EventsController } from './api/events.controller.js';
import { EventsResolver } from './api/events.resolver.js';
import { TenantEventsResolver } from './api/tenant-events.resolver.js';
import { EventsService } from './events.service.js';
import { CleanEventsJob } from './jobs/clean-events.job.js';
import { EventsRepository } from './store/events.repository.js';

@Module({
  controllers: [EventsController],
  providers: [EventsService, EventsRepository, CleanEventsJob, EventsResolver, TenantEventsResolver],
  exports: [EventsService],
})
export class EventsModule {}
