/** What is known of an invocation that has ended. */
export interface EndedInvocation {
  id: string;
  functionId: string;
  function: string;
  state: 'succeeded' | 'failed';
  attempts: number;
  hops: number;
  principal: string;
  status: number | null;
  revision: number | null;
  errorCode: string | null;
  errorMessage: string | null;
  resultType: string | null;
  resultEncoding: string | null;
  result: Buffer | null;
}

/** What its destination gets. */
export interface DestinationRecord {
  requestId: string;
  function: string;
  revision: number | null;
  outcome: 'succeeded' | 'failed';
  status: number | null;
  attempts: number;
  error: { code: string; message: string } | null;
  /** Where it is text and small: whatever is not is had from the invocation's result. */
  answer: { contentType: string; body: string } | null;
}

const MOST_ANSWER_BYTES = 16 * 1024;
const TEXT = /^(?:text\/|application\/(?:[\w.+-]+\+)?json\b)/i;

export function destinationRecord(ended: EndedInvocation): DestinationRecord {
  const { id, function: name, revision, state, status, attempts, errorCode, errorMessage } = ended;
  return { requestId: id, function: name, revision, outcome: state, status, attempts, error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' }, answer: answerOf(ended) };
}

function answerOf({ resultType, resultEncoding, result }: EndedInvocation): DestinationRecord['answer'] {
  if (resultType === null || resultEncoding !== null || result === null || result.length > MOST_ANSWER_BYTES || !TEXT.test(resultType)) return null;
  try {
    const body = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(result);
    // Postgres keeps no such character.
    return body.includes('\0') ? null : { contentType: resultType, body };
  } catch {
    return null;
  }
}
