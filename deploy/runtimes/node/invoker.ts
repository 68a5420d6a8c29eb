import { describeError, errorAnswer, raisedAnswer, returnedAnswer, type Answer } from './answer.ts';
import type { Context } from './context.ts';
import type { Event } from './event.ts';
import type { Handler } from './loader.ts';
import { platformLine, withinInvocation } from './logs.ts';
import { MAX_WAITING, MAX_WAITING_BYTES, type Settings } from './settings.ts';

/** One request on its way: waiting -> running -> answered. */
export interface Call {
  event: Event;
  context: Context;
  requestBytes: number;
  /** Unix ms, or undefined. */
  callerDeadline: number | undefined;
  /** Called once, with the time the handler ran or null when it did not. */
  answer(answer: Answer, ranNs: bigint | null): void;
}

interface Run {
  call: Call;
  timer: NodeJS.Timeout;
  started: bigint;
  answered: boolean;
}

/** Timers of Node end at 2^31 - 1 ms. */
const LONGEST_TIMER = 2_147_483_647;

/** Runs the handler: slots, waiting line, deadlines. */
export class Invoker {
  readonly #handler: Handler;
  readonly #settings: Settings;
  readonly #waiting = new Map<Call, NodeJS.Timeout>();
  #waitingBytes = 0;
  /** Handlers that have not ended, those beyond their deadline included. */
  #occupied = 0;
  readonly #running = new Set<Run>();

  constructor(handler: Handler, settings: Settings) {
    this.#handler = handler;
    this.#settings = settings;
  }

  get busy(): number {
    return this.#running.size + this.#waiting.size;
  }

  /** Every slot is held by a handler that went on beyond its deadline: only a restart helps. */
  get stuck(): boolean {
    return this.#settings.concurrency > 0 && this.#occupied >= this.#settings.concurrency && this.#running.size === 0;
  }

  /** Starts `call` or lets it wait. Returns an answer when it is refused instead. */
  submit(call: Call): Answer | null {
    const left = this.#timeLeft(call);
    if (left <= 0) return errorAnswer(504, 'Timeout', "The caller's deadline had passed before the function could start.", 'platform');
    if (this.#settings.concurrency === 0 || this.#occupied < this.#settings.concurrency) {
      this.#start(call);
      return null;
    }
    if (this.#waiting.size >= MAX_WAITING || this.#waitingBytes + call.requestBytes > MAX_WAITING_BYTES) {
      return errorAnswer(503, 'Overloaded', 'Too many requests wait for this instance already.', 'platform', [['retry-after', '1']]);
    }
    this.#waitingBytes += call.requestBytes;
    this.#waiting.set(call, setTimeout(() => this.#waitOver(call), left));
    return null;
  }

  /** The caller hung up: a waiting call is dropped, a running one goes on. True when it was dropped. */
  abandon(call: Call): boolean {
    return this.#leaveLine(call);
  }

  /** Ends every wait and every run as if its time were over. */
  expireAll(): void {
    for (const call of [...this.#waiting.keys()]) this.#waitOver(call);
    for (const run of [...this.#running]) this.#timeOver(run);
  }

  #timeLeft(call: Call): number {
    const own = Math.min(this.#settings.timeoutMs, LONGEST_TIMER);
    return call.callerDeadline === undefined ? own : Math.min(own, call.callerDeadline - Date.now());
  }

  #leaveLine(call: Call): boolean {
    const timer = this.#waiting.get(call);
    if (timer === undefined) return false;
    clearTimeout(timer);
    this.#waiting.delete(call);
    this.#waitingBytes -= call.requestBytes;
    return true;
  }

  #waitOver(call: Call): void {
    if (this.#leaveLine(call)) call.answer(errorAnswer(504, 'Timeout', 'No slot became free in time; the function did not run.', 'platform'), null);
  }

  #start(call: Call): void {
    const left = Math.max(0, this.#timeLeft(call));
    call.context.deadline = new Date(Date.now() + left);
    this.#occupied += 1;
    const run: Run = { call, timer: setTimeout(() => this.#timeOver(run), left), started: process.hrtime.bigint(), answered: false };
    this.#running.add(run);
    void this.#run(run);
  }

  async #run(run: Run): Promise<void> {
    const { event, context } = run.call;
    let ran: bigint | undefined;
    try {
      const value = await withinInvocation(context.requestId, () => this.#handler(event, context));
      ran = process.hrtime.bigint() - run.started;
      this.#finish(run, await returnedAnswer(value), ran);
    } catch (error) {
      ran ??= process.hrtime.bigint() - run.started;
      const { type, message, stack } = describeError(error);
      if (!run.answered) platformLine('error', `handler raised ${type}: ${message}`, { requestId: context.requestId, stack });
      this.#finish(run, raisedAnswer(error), ran);
    }
    this.#release();
  }

  #timeOver(run: Run): void {
    if (run.answered) return;
    const ran = process.hrtime.bigint() - run.started;
    const ms = Number(ran / 1_000_000n);
    const { context } = run.call;
    this.#finish(run, errorAnswer(504, 'Timeout', `The function did not finish within ${ms} ms.`, 'handler'), ran);
    platformLine('error', 'handler ran out of time', { requestId: context.requestId, ms });
    context.abort();
  }

  #finish(run: Run, answer: Answer, ran: bigint): void {
    if (run.answered) return;
    run.answered = true;
    clearTimeout(run.timer);
    this.#running.delete(run);
    run.call.answer(answer, ran);
  }

  /** A handler has truly ended: its slot goes to the next in line. */
  #release(): void {
    this.#occupied -= 1;
    const [next] = this.#waiting.keys();
    if (next !== undefined && this.#leaveLine(next)) this.#start(next);
  }
}
