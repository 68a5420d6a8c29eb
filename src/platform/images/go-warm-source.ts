import { inlineSource } from '../archives/source-archive.js';
import type { SourceFile } from '../archives/source-file.js';

/** Packages of the standard library that functions often use, beyond those the SDK brings along. */
const OFTEN_USED = [
  'archive/zip', 'bufio', 'bytes', 'cmp', 'compress/gzip', 'container/heap', 'context', 'crypto/aes', 'crypto/cipher', 'crypto/ecdsa', 'crypto/ed25519',
  'crypto/hmac', 'crypto/md5', 'crypto/rand', 'crypto/rsa', 'crypto/sha1', 'crypto/sha256', 'crypto/sha512', 'database/sql', 'embed', 'encoding/base64',
  'encoding/binary', 'encoding/csv', 'encoding/hex', 'encoding/json', 'encoding/xml', 'errors', 'flag', 'fmt', 'hash/crc32', 'hash/fnv', 'html/template', 'image',
  'image/color', 'image/draw', 'image/gif', 'image/jpeg', 'image/png', 'io', 'iter', 'log', 'log/slog', 'maps', 'math', 'math/big', 'math/rand', 'math/rand/v2',
  'mime/multipart', 'net', 'net/http', 'net/http/httputil', 'net/mail', 'net/url', 'os', 'path', 'path/filepath', 'reflect', 'regexp', 'slices', 'sort',
  'strconv', 'strings', 'sync', 'sync/atomic', 'text/template', 'time', 'unicode', 'unicode/utf8',
];

/** A function whose compilation leaves the standard library and the SDK in the cache. */
export function goWarmSource(): SourceFile[] {
  const blank = OFTEN_USED.filter((path) => path !== 'context').map((path) => `\t_ "${path}"`).join('\n');
  return inlineSource({
    'handler.go': `package function\n\nimport (\n\t"context"\n${blank}\n\n\t"fnplane.dev/fn"\n)\n\nfunc Handle(ctx context.Context, event fn.Event) (any, error) { return nil, nil }\n`,
  });
}
