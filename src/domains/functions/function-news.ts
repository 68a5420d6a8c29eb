import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { EventsService } from '../events/events.service.js';
import { arrivalOf, releaseEndOf, type ToldFunction } from './function-news.policy.js';

interface NamedFunction {
  name: string;
  generation: number;
  targetRevision: number;
}

const STANDINGS = ['function.deployed', 'function.ready', 'function.failed'] as const;

/** Tells what happens to functions, each thing once. Messages of conditions stay where they are: they may hold what a function wrote. */
@Injectable()
export class FunctionNews {
  constructor(private readonly events: EventsService) {}

  /** A new revision was accepted. */
  async deployed(context: TenantContext, fn: NamedFunction): Promise<void> {
    await this.events.record(context, { type: 'function.deployed', subject: subjectOf(fn), data: factsOf(fn) });
  }

  async deleted(context: TenantContext, fn: NamedFunction): Promise<void> {
    await this.events.record(context, { type: 'function.deleted', subject: subjectOf(fn), data: { function: fn.name } });
  }

  /** Its row was changed: tells where it has come to, unless that is what was told last. */
  async changed(context: TenantContext, before: NamedFunction & ToldFunction, after: NamedFunction & ToldFunction): Promise<void> {
    const release = releaseEndOf(before, after);
    if (release) await this.events.record(context, { type: `release.${release.end}`, subject: subjectOf(after), data: { function: after.name, revision: release.revision } });
    const arrival = arrivalOf(before, after);
    if (!arrival) return;
    const type = `function.${arrival.is}` as const;
    const data = { ...factsOf(after), ...(arrival.is === 'failed' ? { reason: arrival.reason } : {}) };
    // Between two states it may have waited for something: that it is back where it was is no news.
    const last = await this.events.findLast(context, subjectOf(after), STANDINGS);
    if (last?.type === type && last.data.revision === data.revision && (arrival.is === 'ready' || (last.data.generation === data.generation && last.data.reason === arrival.reason))) return;
    await this.events.record(context, { type, subject: subjectOf(after), data });
  }
}

function subjectOf({ name }: NamedFunction): string {
  return `functions/${name}`;
}

function factsOf({ name, generation, targetRevision }: NamedFunction): { function: string; revision: number; generation: number } {
  return { function: name, revision: targetRevision, generation };
}
