import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../../test/support/eventually.js';
import { FUNCTION_CONTAINER } from '../../../contract/names.js';
import type { FollowLogOptions, KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { errorFromStatus } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { MOST_LINE_BYTES } from '../log-text.js';
import type { LogSource, ReadPart } from '../store/log-intake.repository.js';
import { PodLogReader, type LogSink } from './pod-log-reader.js';

const SOURCE: LogSource = { tenantId: 't', functionId: 'f', revision: 1, cluster: 'c', pod: 'p', podUid: 'u' };
const START = Date.parse('2026-11-26T10:00:00Z');
const SECONDS = 1_000_000_000n;

function pod(state: object, lastState: object = {}): Pod {
  const running = 'running' in state ? (state as { running: { containerID: string } }).running.containerID : undefined;
  return { metadata: { name: 'p', namespace: 'n', uid: 'u' }, status: { containerStatuses: [{ name: FUNCTION_CONTAINER, state, lastState, containerID: running }] } } as unknown as Pod;
}
const running = (containerID: string): object => ({ running: { containerID } });
const terminated = (containerID: string): object => ({ terminated: { containerID } });

/** A node's log of one pod: written lines are seconds apart. */
class Node {
  readonly asked: FollowLogOptions[] = [];
  readonly lives: Record<'previous' | 'current', string[]> = { previous: [], current: [] };
  private streams: PassThrough[] = [];
  private second = 0;

  readonly client = {
    followPodLog: (_pod: unknown, options: FollowLogOptions) => {
      this.asked.push(options);
      const lines = this.lives[options.previous ? 'previous' : 'current'];
      if (options.previous && lines.length === 0) return Promise.reject(errorFromStatus(400, 'previous terminated container not found'));
      const stream = new PassThrough();
      options.signal.addEventListener('abort', () => stream.destroy(new Error('aborted')));
      for (const line of lines) stream.write(line);
      if (options.previous) stream.end();
      else this.streams.push(stream);
      return Promise.resolve(stream);
    },
  } as unknown as KubernetesClient;

  write(life: 'previous' | 'current', ...texts: string[]): void {
    for (const text of texts) {
      const line = `${new Date(START + (this.second += 1) * 1000).toISOString()} ${text}\n`;
      this.lives[life].push(line);
      if (life === 'current') for (const stream of this.streams) stream.write(line);
    }
  }

  /** The streams that are open end. */
  cut(): void {
    for (const stream of this.streams.splice(0)) stream.end();
  }
}

/** A store of one pod. */
class Store implements LogSink {
  readonly messages: string[] = [];
  readTo = 0n;
  admitted = Number.POSITIVE_INFINITY;
  failing = false;
  opened = 0;

  open(): Promise<bigint | null> {
    this.opened += 1;
    return Promise.resolve(this.readTo);
  }
  enter(): () => void { return () => undefined; }
  admits(): boolean { return (this.admitted -= 1) >= 0; }
  ready(reader: PodLogReader): void {
    queueMicrotask(() => {
      const part = reader.takePart(100);
      if (part) this.write(reader, part);
    });
  }

  private write(reader: PodLogReader, part: ReadPart): void {
    if (this.failing || part.from !== this.readTo) return reader.reopen();
    this.readTo = part.to;
    this.messages.push(...part.texts.map(({ message }) => message));
    reader.written(part);
  }
}

describe('the log of a pod', () => {
  let reader: PodLogReader | undefined;
  afterEach(() => reader?.stop());

  function read(node: Node, store: Store, of: Pod): PodLogReader {
    reader = new PodLogReader(node.client, of, SOURCE, store, () => START - 60_000);
    reader.start(() => undefined);
    return reader;
  }
  const seen = (store: Store, messages: string[]): Promise<void> => eventually(async () => expect(store.messages).toEqual(messages), { withinMs: 5_000, everyMs: 5 });

  it('is read from its beginning and goes on, over streams that break', async () => {
    const [node, store] = [new Node(), new Store()];
    node.write('current', 'one', 'two');
    read(node, store, pod(running('a')));
    await seen(store, ['one', 'two']);
    node.cut();
    node.write('current', 'three');
    await seen(store, ['one', 'two', 'three']);
    expect(node.asked.at(-1)!.since).toEqual(new Date(START + 2_000));
  });

  it('goes on from where the store is', async () => {
    const [node, store] = [new Node(), new Store()];
    node.write('current', 'one', 'two', 'three');
    store.readTo = BigInt(START) * 1_000_000n + 2n * SECONDS;
    read(node, store, pod(running('a')));
    await seen(store, ['three']);
  });

  it('has the life before first, once', async () => {
    const [node, store] = [new Node(), new Store()];
    node.write('previous', 'last words');
    node.write('current', 'born again');
    const it = read(node, store, pod(running('b'), terminated('a')));
    await seen(store, ['last words', 'born again']);
    it.update(pod(running('b'), terminated('a')));
    node.cut();
    await eventually(async () => expect(node.asked.filter(({ previous }) => !previous)).toHaveLength(2), { withinMs: 5_000 });
    expect(node.asked.filter(({ previous }) => previous)).toHaveLength(1);
    expect(store.messages).toHaveLength(2);
  });

  it('is complete when the pod is gone', async () => {
    const [node, store] = [new Node(), new Store()];
    node.write('current', 'one');
    let ended = false;
    const it = new PodLogReader(node.client, pod(running('a')), SOURCE, store, () => 0);
    it.start(() => { ended = true; });
    await seen(store, ['one']);
    it.gone();
    node.write('current', 'two');
    node.cut();
    await seen(store, ['one', 'two']);
    await eventually(async () => expect(ended).toBe(true), { withinMs: 5_000 });
  });

  it('is read again where it could not be written down', async () => {
    const [node, store] = [new Node(), new Store()];
    store.failing = true;
    node.write('current', 'one', 'two');
    read(node, store, pod(running('a')));
    await eventually(async () => expect(store.opened).toBeGreaterThan(1), { withinMs: 5_000 });
    expect(store.messages).toEqual([]);
    store.failing = false;
    await seen(store, ['one', 'two']);
  });

  it('leaves out what is too much, and says so', async () => {
    const [node, store] = [new Node(), new Store()];
    store.admitted = 2;
    node.write('current', 'one', 'two', 'three', 'four', 'five');
    read(node, store, pod(running('a')));
    await seen(store, ['one', 'two', expect.stringMatching(/^3 lines were left out here/) as never]);
    expect(store.readTo).toBe(BigInt(START) * 1_000_000n + 5n * SECONDS);
  });

  it('is left alone for a while where it is a flood', async () => {
    const [node, store] = [new Node(), new Store()];
    store.admitted = 1;
    node.write('current', 'one', ...Array.from({ length: 100 }, () => 'x'.repeat(60_000)));
    read(node, store, pod(running('a')));
    await seen(store, ['one', expect.stringMatching(/^At least \d+ lines were left out here/) as never]);
    store.admitted = Number.POSITIVE_INFINITY;
    node.lives.current.length = 0;
    node.write('current', 'calm');
    await seen(store, ['one', expect.anything() as never, 'calm']);
    expect(Date.now() - node.asked.at(-1)!.since!.getTime()).toBeLessThan(10_000);
  });

  it('keeps stacks together and cuts off what is too long', async () => {
    const [node, store] = [new Node(), new Store()];
    const stamp = new Date(START + 500).toISOString();
    node.lives.current.push(`${stamp} Error: x\n`, `${stamp.replace('Z', '1Z')}     at f\n`, `${stamp.replace('Z', '2Z')} ${'y'.repeat(MOST_LINE_BYTES * 2)}\n`);
    read(node, store, pod(running('a')));
    await seen(store, ['Error: x\n    at f', expect.stringMatching(/^y{60000,66000}… \[cut off: \d+ bytes more\]$/) as never]);
  });
});
