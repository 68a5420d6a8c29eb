import { Module } from '@nestjs/common';
import { OperationsController } from './api/operations.controller.js';
import { OperationsResolver } from './api/operations.resolver.js';
import { OperationsService } from './operations.service.js';
import { OperationsRepository } from './store/operations.repository.js';

@Module({ controllers: [OperationsController], providers: [OperationsService, OperationsRepository, OperationsResolver], exports: [OperationsService] })
export class OperationsModule {}
