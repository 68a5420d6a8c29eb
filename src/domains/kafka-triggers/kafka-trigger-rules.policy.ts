import { KAFKA_TOPIC } from '../../contract/function-resource.js';
import { TRIGGER_NAME } from '../../contract/triggers.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import type { OutboundRules } from '../../platform/outbound/outbound-url.policy.js';
import { closedBrokers, kafkaProblems } from '../functions/kafka-rules.policy.js';
import { pathProblem } from '../invocations/invocation-request.policy.js';
import type { EffectiveKafkaTrigger, KafkaTriggerBody, KafkaTriggerDefaults, KafkaTriggerSettings } from './kafka-trigger-body.js';

export const MOST_TOPICS = 10;
export const MOST_BATCH_RECORDS = 1_000;
export const LONGEST_WINDOW_MS = 10_000;
export const LEAST_BATCH_BYTES = 1_024;
export const MOST_BATCH_BYTES = 4 * 1024 * 1024;
export const MOST_CONCURRENCY = 16;
export const MOST_ATTEMPTS = 10;

export const DEFAULTS: Omit<KafkaTriggerDefaults, 'consumerGroup'> = {
  startPosition: 'earliest', batchSize: 100, batchWindowMs: 0, maxBatchBytes: 1024 * 1024, concurrency: 4, maxAttempts: 3, onExhausted: 'skip', path: '/', suspended: false,
};

/** What a trigger's consumer group is called where its owner says nothing. */
export function defaultGroup(tenantName: string, name: string): string {
  return `fnplane.${tenantName}.${name}`;
}

/** With what was not sent. Pure. */
export function effectiveOf(settings: KafkaTriggerSettings, consumerGroup: string): EffectiveKafkaTrigger {
  return { ...DEFAULTS, ...settings, consumerGroup };
}

/** Everything about a trigger that can be judged without looking anything up. Pure. */
export function kafkaTriggerProblems(body: KafkaTriggerBody, rules: Pick<OutboundRules, 'allowed' | 'closed'>): FieldProblem[] {
  const { name, topics = [], deadLetterTopic, path = DEFAULTS.path, brokers, tls, sasl, secret, consumerGroup = 'default' } = body;
  const found: FieldProblem[] = [];
  const add = (field: string, message: string): void => { found.push({ pointer: `/${field}`, message }); };
  if (!TRIGGER_NAME.test(name)) add('name', 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and have no three hyphens in a row');
  found.push(...kafkaProblems({ brokers, topic: 'any', consumerGroup, tls, sasl, secret }, ''), ...closedBrokers({ brokers }, '', rules));
  if (topics.length === 0 || topics.length > MOST_TOPICS) add('topics', `must name 1 to ${MOST_TOPICS} topics`);
  topics.forEach((topic, index) => {
    if (!KAFKA_TOPIC.test(topic)) add(`topics/${index}`, 'must be the name of a topic: 1 to 249 letters, digits, dots, underscores and hyphens');
    else if (topics.indexOf(topic) !== index) add(`topics/${index}`, 'is named twice');
  });
  if (deadLetterTopic !== undefined && !KAFKA_TOPIC.test(deadLetterTopic)) add('deadLetterTopic', 'must be the name of a topic: 1 to 249 letters, digits, dots, underscores and hyphens');
  else if (deadLetterTopic !== undefined && topics.includes(deadLetterTopic)) add('deadLetterTopic', 'must be none of the topics: dead letters would be read again');
  const wrongPath = pathProblem(path);
  if (wrongPath !== undefined) add('path', wrongPath);
  return found;
}
