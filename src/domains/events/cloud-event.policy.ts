import type { PlatformEvent } from './platform-event.js';

/** A CloudEvent 1.0 as JSON (structured mode). */
export interface CloudEventBody {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  /** The sequence extension: sorts as text in the order of the events. */
  sequence: string;
  data: Record<string, unknown>;
}

export const CLOUD_EVENTS_JSON = 'application/cloudevents+json; charset=utf-8';

export function sourceOf(tenantName: string): string {
  return `/tenants/${tenantName}`;
}

export function cloudTypeOf(type: string): string {
  return `dev.fnplane.${type}.v1`;
}

export function toCloudEvent({ id, type, subject, at, sequence, data }: PlatformEvent, tenantName: string): CloudEventBody {
  return {
    specversion: '1.0', id, source: sourceOf(tenantName), type: cloudTypeOf(type), subject, time: at.toISOString(), datacontenttype: 'application/json',
    sequence: String(sequence).padStart(16, '0'), data,
  };
}
