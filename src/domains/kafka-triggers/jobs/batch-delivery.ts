import { setTimeout as pause } from 'node:timers/promises';
import { HEADER } from '../../../contract/runtime.js';
import type { TenantContext } from '../../../platform/context/context.js';
import type { KafkaRecord } from '../../../platform/kafka/record-batches.policy.js';
import { answerOfError, outcomeOf, type AttemptAnswer, type AttemptError } from '../../invocations/attempt-outcome.policy.js';
import type { FunctionCalls } from '../../invocations/function-calls.js';
import { batchBody, bytesOf, requestIdOf, type RecordBatch } from '../batch-body.policy.js';
import type { ConsumerTally } from '../consumer-tally.js';
import type { EffectiveKafkaTrigger } from '../kafka-trigger-body.js';
import { batchesTotal } from '../kafka-trigger-metrics.js';
import type { SharedRoom } from '../shared-room.js';

/** Of an answer, for the words of a refusal; what the function says is not kept. */
const KEPT_BYTES = 16 * 1024;
const LONGEST_PAUSE_MS = 60_000;

export interface DeliveredTrigger extends EffectiveKafkaTrigger {
  id: string;
  name: string;
  function: string;
}

/** A record that no try delivered. */
export interface ExhaustedRecord {
  topic: string;
  partition: number;
  record: KafkaRecord;
  error: AttemptError;
  attempts: number;
}

export interface DeliveryOptions {
  context: TenantContext;
  trigger: DeliveredTrigger;
  calls: FunctionCalls;
  /** For calls under way, of all consumers of the process. */
  room: SharedRoom;
  tally: ConsumerTally;
  /** Everything below this offset is done with. */
  commit: (batch: RecordBatch, next: bigint) => Promise<void>;
  deadLetter: (exhausted: ExhaustedRecord) => Promise<void>;
  /** Ends pauses and keeps new calls from beginning. */
  stop: AbortSignal;
  /** Ends calls under way. */
  abandon: AbortSignal;
}

/** Brings the records of one partition to the function, one call after the other, until each is delivered or given up. */
export class BatchDelivery {
  constructor(private readonly options: DeliveryOptions) {}

  /** @throws where the brokers fail or the consumer is to end: what is not committed will be delivered again. */
  async deliver(batch: RecordBatch): Promise<void> {
    const { trigger, tally } = this.options;
    // The parts of a batch that failed, the first one on top.
    const open: { batch: RecordBatch; tries: number }[] = [{ batch, tries: trigger.maxAttempts }];
    for (let part = open.pop(); part; part = open.pop()) {
      const { records } = part.batch;
      const failed = records.length === 1 && bytesOf(records[0]!) > trigger.maxBatchBytes ? tooLarge(records[0]!, trigger.maxBatchBytes) : await this.tryAll(part.batch, part.tries);
      if (failed === undefined) tally.delivered(records.length);
      else if (records.length === 1) await this.giveUp(part.batch, failed);
      else {
        open.push(...halves(part.batch).map((half) => ({ batch: half, tries: half.records.length === 1 ? trigger.maxAttempts : 1 })));
        continue;
      }
      tally.goesOn(part.batch);
      await this.options.commit(part.batch, records.at(-1)!.offset + 1n);
    }
  }

  /** @returns undefined once it is delivered; why not, and after how many tries, where it is not. */
  private async tryAll(batch: RecordBatch, maxAttempts: number): Promise<{ error: AttemptError; attempts: number } | undefined> {
    const { tally, stop } = this.options;
    for (let [attempts, waits] = [0, 0]; ;) {
      const answer = await this.call(batch, attempts + 1);
      const outcome = outcomeOf(answer, { attempts, maxAttempts, waits, leftMs: Number.POSITIVE_INFINITY, longestMs: LONGEST_PAUSE_MS }, Math.random);
      batchesTotal.inc({ outcome: outcome.next === 'succeeded' ? 'delivered' : outcome.counts ? 'failed' : 'refused' });
      if (outcome.counts) [attempts, waits] = [attempts + 1, 0];
      else waits += 1;
      if (outcome.next === 'succeeded') return undefined;
      if (outcome.counts || outcome.next === 'failed') tally.failedOnce();
      if (outcome.next === 'failed') return { error: outcome.error, attempts };
      tally.stands(batch, { kind: outcome.counts ? 'retrying' : 'waiting', ...outcome.error });
      await pause(outcome.delayMs, undefined, { signal: stop, ref: false });
    }
  }

  private async call(batch: RecordBatch, attempt: number): Promise<AttemptAnswer> {
    const { context, trigger, calls, room, stop, abandon } = this.options;
    const leave = await room.enter(context.tenantId, 1, stop);
    try {
      const { status, refusal } = await calls.call(context, {
        function: trigger.function, principal: context.principal.key, method: 'POST', path: trigger.path, body: batchBody(batch), keepBytes: KEPT_BYTES, signal: abandon,
        headers: { 'content-type': 'application/json', [HEADER.requestId]: requestIdOf(trigger.id, batch), 'x-kafka-trigger': trigger.name, 'x-kafka-attempt': String(attempt) },
      });
      return refusal ? { from: 'platform', code: refusal.code, message: refusal.detail, retryAfterSeconds: refusal.retryAfterSeconds } : { from: 'function', status };
    } catch (error) {
      const answer = answerOfError(error);
      if (!answer) throw error;
      return answer;
    } finally {
      leave();
    }
  }

  private async giveUp({ topic, partition, records }: RecordBatch, { error, attempts }: { error: AttemptError; attempts: number }): Promise<void> {
    const { trigger, tally, stop } = this.options;
    const record = records[0]!;
    if (trigger.deadLetterTopic !== undefined) {
      await this.options.deadLetter({ topic, partition, record, error, attempts });
      return tally.deadLettered();
    }
    if (trigger.onExhausted === 'skip') return tally.skipped();
    for (let failed: typeof error | undefined = error; failed;) {
      tally.stands({ topic, partition }, { kind: 'blocked', code: failed.code, message: `The record at offset ${record.offset} was not delivered (${failed.message}) and is tried on; nothing behind it is.` });
      await pause(LONGEST_PAUSE_MS * (0.5 + Math.random() / 2), undefined, { signal: stop, ref: false });
      if (bytesOf(record) <= trigger.maxBatchBytes) failed = (await this.tryAll({ topic, partition, records }, 1))?.error;
    }
    tally.delivered(1);
  }
}

/** The second half first: the first one is taken from the end. */
function halves({ topic, partition, records }: RecordBatch): RecordBatch[] {
  const middle = Math.ceil(records.length / 2);
  return [records.slice(middle), records.slice(0, middle)].map((half) => ({ topic, partition, records: half }));
}

function tooLarge(record: KafkaRecord, most: number): { error: AttemptError; attempts: number } {
  return { error: { code: 'RECORD_TOO_LARGE', message: `The record has ${bytesOf(record)} bytes; at most ${most} are delivered.` }, attempts: 0 };
}
