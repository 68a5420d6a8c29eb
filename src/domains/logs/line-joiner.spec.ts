import { describe, expect, it } from 'vitest';
import { LineJoiner } from './line-joiner.js';
import { readText } from './log-line.policy.js';
import type { LogText } from './log-text.js';

const MS = 1_000_000n;
const STACKS: Record<string, string[]> = {
  Python: ['Traceback (most recent call last):', '  File "/function/handler.py", line 3, in handle', '    boom()', '    ~~~~^^', 'shop.errors.OrderError: no such order'],
  'a chain of Python\'s': [
    'Traceback (most recent call last):', '  File "a.py", line 1, in f', "KeyError: 'x'", '', 'During handling of the above exception, another exception occurred:', '',
    'Traceback (most recent call last):', '  File "b.py", line 2, in g', 'ValueError: bad',
  ],
  Node: ['Error: no such order', '    at handle (/function/handler.js:3:9)', '    at async Invoker.run (/runtime/invoker.js:1:1)', '  [cause]: TypeError: x', '      at f (/function/f.js:1:1)'],
  'Node\'s last words': ['/function/handler.js:3', "    throw new OrderError('x');", '    ^', '', 'OrderError: x', '    at handle (/function/handler.js:3:9)', '', 'Node.js v24.21.0'],
  Go: ['panic: told to', '', 'goroutine 1 [running]:', 'main.work(...)', '\t/function/main.go:5', 'main.main()', '\t/function/main.go:9 +0x1d', 'created by main.start in goroutine 7', '\t/function/main.go:3', 'exit status 2'],
  'the JVM': ['Exception in thread "main" java.lang.IllegalStateException: x', '\tat shop.Orders.take(Orders.java:5)', 'Caused by: java.io.IOException: y', '\tat shop.Store.read(Store.java:9)', '\t... 1 more'],
};

function texts(lines: readonly string[], everyMs = 1n): LogText[] {
  return lines.map((text, index) => readText({ at: 1_000n * MS + BigInt(index) * everyMs * MS, text }));
}

function joined(all: readonly LogText[]): LogText[] {
  const joiner = new LineJoiner();
  return [...all.flatMap((text) => joiner.take(text)), ...joiner.flush()];
}

describe('lines that belong together', () => {
  it.each(Object.entries(STACKS))('a stack of %s is one text, and an error', (_, lines) => {
    const found = joined(texts(['before', ...lines, 'after']));
    expect(found.map(({ message }) => message)).toEqual(['before', lines.join('\n'), 'after']);
    expect(found.map(({ level }) => level)).toEqual([null, 'error', null]);
  });

  it('are those a runtime gave the request id, too, and of one request only', () => {
    const line = (message: string, requestId: string): string => JSON.stringify({ time: 'x', level: 'error', message, requestId });
    const found = joined(texts([line('Traceback (most recent call last):', 'a'), line('  File "x", line 1', 'a'), line('ValueError: y', 'a'), line('  indented', 'b')]));
    expect(found.map(({ message, requestId }) => [message, requestId])).toEqual([['Traceback (most recent call last):\n  File "x", line 1\nValueError: y', 'a'], ['  indented', 'b']]);
  });

  it('are not those that a logger wrote, or that come later', () => {
    expect(joined(texts(['{"message":"Error: x","order":1}', '    at handle', 'x'])).map(({ message }) => message)).toEqual(['Error: x', '    at handle', 'x']);
    expect(joined(texts(['Error: x', '    at handle'], 600n))).toHaveLength(2);
  });

  it('are no longer than a line may be', () => {
    const found = joined(texts(['Error: x', ...Array.from({ length: 3 }, () => `    at ${'x'.repeat(30_000)}`)]));
    expect(found).toHaveLength(2);
  });

  it('leave blank lines and one another alone where there is no stack', () => {
    expect(joined(texts(['one', '', 'two', 'ValueError: three', 'main.main()'])).map(({ message }) => message)).toEqual(['one', 'two', 'ValueError: three', 'main.main()']);
  });
});
