import { readText, splitStamp } from '../log-line.policy.js';
import { bytesOf, ENTRY_BYTES, type LogText } from '../log-text.js';
import { droppedTotal } from '../log-metrics.js';
import { LineJoiner } from '../line-joiner.js';
import type { ReadPart } from '../store/log-intake.repository.js';

/** So long a printed line is held back, that what belongs to it may follow. */
const HOLD_MS = 40;
/** So long is counted what is left out before that is told. */
const TELL_MS = 1_000;
/** So much is left out within that time: it is a flood, and reading on would be for nothing. */
const FLOOD_BYTES = 4 * 1024 * 1024;
/** More than this waits to be written down: reading has to stop. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;

/** The lines of one pod on their way to the store: put together, admitted or left out, and how far all that is. */
export class ReadLines {
  private readonly joiner = new LineJoiner();
  private texts: LogText[] = [];
  private bytes = 0;
  /** How far the store is. */
  private stored = 0n;
  /** Everything up to here was dealt with. */
  private done = 0n;
  /** Lines up to here are known from before. */
  private skipTo = 0n;
  private last = 0n;
  private onItsWay = false;
  private left = { lines: 0, bytes: 0 };
  private holding: NodeJS.Timeout | undefined;
  private telling: NodeJS.Timeout | undefined;

  constructor(
    private readonly admits: (bytes: number) => boolean,
    private readonly ready: () => void,
  ) {}

  /** Time of the last line that was seen, as the node stamped it. */
  get lastAt(): bigint {
    return this.last;
  }

  get isFull(): boolean {
    return this.bytes > MOST_WAITING_BYTES;
  }

  get isFlooded(): boolean {
    return this.left.bytes > FLOOD_BYTES;
  }

  /** Nothing waits to be written down, and nothing is on its way there. */
  get isIdle(): boolean {
    return this.texts.length === 0 && !this.onItsWay;
  }

  /** What was not written down will be read again. */
  forget(): void {
    this.joiner.flush();
    this.texts = [];
    this.bytes = 0;
    this.left = { lines: 0, bytes: 0 };
    this.onItsWay = false;
  }

  /** @param from where reading goes on */
  begin(stored: bigint, from: bigint): void {
    this.forget();
    this.stored = this.done = stored;
    this.last = this.skipTo = from;
  }

  /** A stream begins: it may repeat what the one before gave. */
  reopened(): void {
    this.skipTo = this.last;
  }

  add(line: string): void {
    const stamped = splitStamp(line);
    if (!stamped || stamped.at <= this.skipTo) return;
    this.last = stamped.at;
    const bytes = ENTRY_BYTES + stamped.text.length;
    // Before it is looked at: a flood must cost as little as can be.
    if (!this.admits(bytes)) return this.leaveOut(bytes);
    this.tell();
    this.push(this.joiner.take(readText(stamped)));
    if (this.joiner.isHolding) this.holding ??= setTimeout(() => this.release(), HOLD_MS);
  }

  /** Nothing follows any more. */
  end(): void {
    this.release();
    this.tell();
  }

  take(most: number): Pick<ReadPart, 'texts' | 'from' | 'to'> | undefined {
    if (this.texts.length === 0 && this.done === this.stored) return undefined;
    const texts = this.texts.splice(0, most);
    this.bytes -= texts.reduce((sum, text) => sum + bytesOf(text), 0);
    this.onItsWay = true;
    const to = this.texts.length > 0 ? texts.at(-1)!.at : this.done;
    return { texts, from: this.stored, to: to > this.stored ? to : this.stored };
  }

  written(to: bigint): void {
    this.stored = to;
    this.onItsWay = false;
  }

  private release(): void {
    clearTimeout(this.holding);
    this.holding = undefined;
    if (!this.joiner.isHolding) return;
    this.push(this.joiner.flush());
  }

  private push(texts: LogText[]): void {
    if (texts.length === 0) return;
    this.texts.push(...texts);
    this.bytes += texts.reduce((sum, text) => sum + bytesOf(text), 0);
    this.dealtWith(texts.at(-1)!.at);
  }

  private leaveOut(bytes: number): void {
    this.release();
    this.left.lines += 1;
    this.left.bytes += bytes;
    droppedTotal.inc();
    this.telling ??= setTimeout(() => this.tell(), TELL_MS);
  }

  /** One entry stands for all that was left out. */
  private tell(): void {
    clearTimeout(this.telling);
    this.telling = undefined;
    const { lines, bytes } = this.left;
    if (lines === 0) return;
    // Those of the seconds to come are not even counted.
    const many = `${this.isFlooded ? 'At least ' : ''}${lines}`;
    this.left = { lines: 0, bytes: 0 };
    const at = this.last;
    const message = `${many} ${lines === 1 ? 'line was' : 'lines were'} left out here (${bytes} bytes): the tenant's functions print more than is collected.`;
    this.push([{ at, time: new Date(Number(at / 1_000_000n)), level: 'warn', message, requestId: null, fields: JSON.stringify({ dropped: lines }), printed: false }]);
  }

  /** Stamps of two streams of one container may come a little out of turn. */
  private dealtWith(at: bigint): void {
    if (at > this.done) this.done = at;
    this.ready();
  }
}
