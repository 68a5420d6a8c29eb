import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { FunctionsService } from '../functions/functions.service.js';
import { metricRange, type MetricRange, type MetricRangeRequest } from './metric-range.policy.js';
import { MetricReadingRepository, type MetricSums } from './store/metric-reading.repository.js';

export interface MetricSeries {
  range: MetricRange;
  /** Of the steps in which something was seen. */
  sums: MetricSums[];
}

/** Time series of what functions were asked and how they answered. */
@Injectable()
export class FunctionMetricsService {
  constructor(
    private readonly reading: MetricReadingRepository,
    private readonly functions: FunctionsService,
  ) {}

  /** Of all functions, those that are gone included. @throws {DomainError} METRIC_RANGE_INVALID */
  async ofTenant(context: TenantContext, asked: MetricRangeRequest): Promise<MetricSeries> {
    const range = metricRange(asked, new Date());
    return { range, sums: await this.reading.find(context, range) };
  }

  /** @param reference name or id @throws {DomainError} FUNCTION_NOT_FOUND, METRIC_RANGE_INVALID */
  async ofFunction(context: TenantContext, reference: string, asked: MetricRangeRequest): Promise<MetricSeries> {
    const { id } = await this.functions.get(context, reference);
    const range = metricRange(asked, new Date());
    return { range, sums: await this.reading.find(context, range, id) };
  }
}
