import type { HttpClient } from '../../deploy/local/http-client.ts';
import { eventually } from './eventually.js';

export interface SeenEvent {
  id: string | undefined;
  event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- events of every shape
  data: any;
  /** When it came: `performance.now()`. */
  at: number;
}

/** Server-sent events as they come. */
export class EventStream {
  readonly events: SeenEvent[] = [];
  /** The server ended it. */
  ended = false;
  private rest = '';

  private constructor(private readonly answer: Response, private readonly leaving: AbortController) {
    void this.read();
  }

  /** @throws where the answer is none: with its status and body. */
  static async open(client: HttpClient, path: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const leaving = new AbortController();
    const answer = await fetch(new URL(path, client.url), { headers: { authorization: `Bearer ${client.token}`, accept: 'text/event-stream', ...headers }, signal: leaving.signal });
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
    return new EventStream(answer, leaving);
  }

  get contentType(): string | null {
    return this.answer.headers.get('content-type');
  }

  /** Of the entries that came. */
  get messages(): string[] {
    return this.events.filter(({ event }) => event === 'log').map(({ data }) => data.message as string);
  }

  close(): void {
    this.leaving.abort();
  }

  until(holds: (stream: this) => boolean, withinMs = 10_000): Promise<void> {
    return eventually(async () => {
      if (!holds(this)) throw new Error(`not seen: ${JSON.stringify(this.events)}${this.ended ? ' (ended)' : ''}`);
    }, { withinMs, everyMs: 10 });
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.answer.body!) this.add(decoder.decode(chunk as Uint8Array, { stream: true }));
    } catch {
      // Broken or left: what came is there.
    }
    this.ended = true;
  }

  private add(text: string): void {
    const parts = (this.rest + text).split('\n\n');
    this.rest = parts.pop()!;
    for (const part of parts) {
      const lines = part.split('\n');
      const field = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field('data');
      if (data !== undefined) this.events.push({ id: field('id'), event: field('event') ?? 'message', data: JSON.parse(data), at: performance.now() });
    }
  }
}
