import { MOST_LINE_BYTES, type LogText } from './log-text.js';

/** Lines of one stack come together: so far apart they may be. */
const WINDOW_NS = 500_000_000n;

const PYTHON = /^Traceback \(most recent call last\):/m;
const PYTHON_CHAIN = /^(During handling of the above exception|The above exception was the direct cause)/;
const PYTHON_ERROR = /^[A-Za-z_][\w.]*(:( |$)|$)/;
const GO = /^(panic: |fatal error: |goroutine \d+ \[)/m;
const GO_FRAME = /^(goroutine \d+ \[|created by |exit status \d|\[signal |panic: |\S+\(.*\)$)/;
const JVM_CAUSE = /^(Caused by: |Suppressed: |\.\.\. \d+ more)/;
const FRAME = /^\s+at \S/m;
const NODE_PLACE = /^(file:\/\/|\/)\S+:\d+$/m;
const NODE_REST = /^([A-Z]\w*(Error|Exception)\b|Error\b|Node\.js v\d)/;

/**
 * Whether a line printed by itself belongs to the text before it, of the same pod: indented lines always do, and what else the stacks of
 * Python, Go, Node and the JVM are made of.
 */
export function continues(before: LogText, next: LogText): boolean {
  if (!before.printed || !next.printed || before.requestId !== next.requestId || next.at - before.at > WINDOW_NS) return false;
  if (before.message.length + next.message.length >= MOST_LINE_BYTES) return false;
  const line = next.message;
  if (/^\s+\S/.test(line)) return true;
  if (line.trim() === '') return isStack(before.message);
  return continuesStack(before.message, line);
}

function continuesStack(stack: string, line: string): boolean {
  const last = stack.slice(stack.lastIndexOf('\n') + 1);
  if (PYTHON.test(stack)) {
    if (PYTHON_CHAIN.test(line) || (PYTHON.test(line) && PYTHON_CHAIN.test(lastSpoken(stack)))) return true;
    if (/^\s+\S/.test(last) && PYTHON_ERROR.test(line)) return true;
  }
  if (GO.test(stack) && GO_FRAME.test(line)) return true;
  if (FRAME.test(stack) && (JVM_CAUSE.test(line) || /^Node\.js v\d/.test(line))) return true;
  return NODE_PLACE.test(stack) && NODE_REST.test(line);
}

/** The last line that is not blank. */
function lastSpoken(stack: string): string {
  return stack.trimEnd().split('\n').at(-1) ?? '';
}

/** Whether a text is a stack, or its beginning. */
export function isStack(text: string): boolean {
  return PYTHON.test(text) || GO.test(text) || FRAME.test(text) || NODE_PLACE.test(text);
}

/** Both as one text. */
export function join(before: LogText, next: LogText): LogText {
  return { ...before, at: next.at, message: `${before.message}\n${next.message}` };
}

/** A text to which nothing more belongs: blank lines at its end go, and a stack is an error where nothing says how grave it is. */
export function finish(text: LogText): LogText {
  const message = text.message.trimEnd();
  return { ...text, message, level: text.level ?? (message.includes('\n') && isStack(message) ? 'error' : null) };
}
