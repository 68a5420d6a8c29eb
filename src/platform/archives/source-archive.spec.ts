import { randomBytes } from 'node:crypto';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ARCHIVE_LIMITS, type ArchiveLimits } from './archive-limits.js';
import { archiveDigest, buildArchive, detectFormat, inlineSource, readSourceArchive } from './source-archive.js';

interface TarEntry {
  name: string | Buffer;
  type?: string;
  body?: string | Buffer;
  link?: string;
  mode?: number;
  size?: number;
}

/** One ustar header with its body, byte by byte: packers refuse to make what is tested here. */
function tarEntry({ name, type = '0', body = '', link = '', mode = 0o644, size }: TarEntry): Buffer {
  const content = Buffer.from(body as string);
  const header = Buffer.alloc(512);
  Buffer.from(name as string).copy(header, 0, 0, 100);
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${(size ?? content.length).toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write('ustar\0' + '00', 257);
  header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

const END = Buffer.alloc(1024);

function tar(...entries: TarEntry[]): Buffer {
  return gzipSync(Buffer.concat([...entries.map(tarEntry), END]));
}

function pax(record: string): TarEntry {
  const bytes = Buffer.byteLength(record) + 2; // the blank and the line break
  let length = bytes + 1;
  while (String(length).length + bytes !== length) length += 1;
  return { name: 'PaxHeader', type: 'x', body: `${length} ${record}\n` };
}

interface ZipEntry {
  name: string | Buffer;
  body?: string | Buffer;
  /** Unix mode with its type, put where zips of Unix have it. */
  mode?: number;
  method?: number;
  flags?: number;
  declaredSize?: number;
  crc?: number;
}

function zip(...entries: ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, body = '', mode = 0, method = 8, flags = 0x800, declaredSize, crc } of entries) {
    const path = Buffer.from(name as string);
    const content = Buffer.from(body as string);
    const packed = method === 8 ? deflateRawSync(content, { level: 9 }) : content;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(crc ?? crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(declaredSize ?? content.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, path, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((mode << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, mode === 0 ? 0 : 3]), fields, rest, path]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end]);
}

const SMALL: ArchiveLimits = { ...ARCHIVE_LIMITS, unpackedBytes: 4 * 1024 * 1024, entries: 50 };
const ok: TarEntry = { name: 'ok.py', body: 'x' };

describe('a good archive', () => {
  it('is read from tar.gz with content, modes and links, sorted by path', async () => {
    const files = await readSourceArchive(tar(
      { name: './', type: '5' }, { name: './run.sh', body: 'go', mode: 0o4755 }, { name: 'lib/', type: '5' }, { name: 'lib/a.py', body: 'a = 1', mode: 0o600 },
      { name: 'b.py', type: '2', link: 'lib/a.py' }, { name: 'c.py', type: '1', link: './lib/a.py' }, pax('path=déjà vu.txt'), { name: 'replaced', body: 'é' },
    ));
    expect(files).toEqual([
      { type: 'symlink', path: 'b.py', target: 'lib/a.py' },
      { type: 'file', path: 'c.py', mode: 0o644, content: Buffer.from('a = 1') },
      { type: 'file', path: 'déjà vu.txt', mode: 0o644, content: Buffer.from('é') },
      { type: 'file', path: 'lib/a.py', mode: 0o644, content: Buffer.from('a = 1') },
      { type: 'file', path: 'run.sh', mode: 0o755, content: Buffer.from('go') },
    ]);
  });

  it('is read from zip, deflated or stored', async () => {
    const files = await readSourceArchive(zip(
      { name: 'app/' }, { name: 'app/handler.py', body: 'print(1)\n'.repeat(99) }, { name: 'app/run', body: 'r', mode: 0o100755, method: 0 },
      { name: 'link', body: 'app/handler.py', mode: 0o120777 },
    ));
    expect(files.map((file) => [file.type, file.path, file.type === 'file' ? file.mode : file.target])).toEqual([
      ['file', 'app/handler.py', 0o644], ['file', 'app/run', 0o755], ['symlink', 'link', 'app/handler.py'],
    ]);
  });

  it('may have two names that differ in case only, and links that meet inside', async () => {
    const files = await readSourceArchive(tar({ name: 'A.py', body: '1' }, { name: 'a.py', body: '2' }, { name: 'x/y', type: '2', link: '../x/../a.py' }));
    expect(files.map((file) => file.path)).toEqual(['A.py', 'a.py', 'x/y']);
  });

  it('is made from inline source, always with the same bytes, and read back', async () => {
    const source = { 'b/handler.py': 'def handle(event, context): ...', 'a.txt': 'ä' };
    const archive = await buildArchive(source);
    expect(archive.equals(await buildArchive({ 'a.txt': 'ä', 'b/handler.py': source['b/handler.py'] }))).toBe(true);
    expect(await readSourceArchive(archive)).toEqual(inlineSource(source));
    expect(archiveDigest(Buffer.from('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('a bad tar.gz is refused', () => {
  it.each<[string, TarEntry[], string, RegExp]>([
    ['parent folder', [{ name: '../evil' }], 'ARCHIVE_UNSAFE_PATH', /"\.\.\/evil" leads out/],
    ['parent folder inside', [{ name: 'a/../../evil' }], 'ARCHIVE_UNSAFE_PATH', /leads out/],
    ['parent folder at the end', [{ name: 'a/..', type: '5' }], 'ARCHIVE_UNSAFE_PATH', /leads out/],
    ['absolute path', [{ name: '/etc/passwd' }], 'ARCHIVE_UNSAFE_PATH', /absolute/],
    ['drive letter', [{ name: 'C:evil' }], 'ARCHIVE_UNSAFE_PATH', /drive letter/],
    ['backslash', [{ name: 'a\\..\\evil' }], 'ARCHIVE_UNSAFE_PATH', /backslash/],
    ['empty part', [{ name: 'a//b' }], 'ARCHIVE_UNSAFE_PATH', /empty part/],
    ['dot inside', [{ name: 'a/./b' }], 'ARCHIVE_UNSAFE_PATH', /empty part/],
    ['line break in the name', [{ name: 'a\nb' }], 'ARCHIVE_UNSAFE_PATH', /control character/],
    ['NUL in an extended name', [pax('path=a\0b'), ok], 'ARCHIVE_UNSAFE_PATH', /control character/],
    ['escape by an extended name', [pax('path=../evil'), ok], 'ARCHIVE_UNSAFE_PATH', /"\.\.\/evil"/],
    ['not UTF-8', [{ name: Buffer.from([0x61, 0xff, 0xfe]) }], 'ARCHIVE_UNSAFE_PATH', /UTF-8/],
    ['not UTF-8 in an extended name', [{ name: 'PaxHeader', type: 'x', body: Buffer.concat([Buffer.from('11 path=a'), Buffer.from([0xff]), Buffer.from('\n')]) }, ok], 'ARCHIVE_UNSAFE_PATH', /UTF-8/],
    ['name too long', [pax(`path=${'d/'.repeat(8)}${'x'.repeat(500)}`), ok], 'ARCHIVE_UNSAFE_PATH', /longer than 512/],
    ['too deep', [pax(`path=${'d/'.repeat(32)}x`), ok], 'ARCHIVE_UNSAFE_PATH', /deeper than 32/],
    ['character device', [{ name: 'null', type: '3' }], 'ARCHIVE_UNSAFE_ENTRY', /"null" is a character-device/],
    ['block device', [{ name: 'sda', type: '4' }], 'ARCHIVE_UNSAFE_ENTRY', /block-device/],
    ['pipe', [{ name: 'pipe', type: '6' }], 'ARCHIVE_UNSAFE_ENTRY', /fifo/],
    ['sparse file', [{ name: 'sparse', type: 'S' }], 'ARCHIVE_UNSAFE_ENTRY', /unknown type/],
    ['symlink out', [{ name: 'a/l', type: '2', link: '../../etc' }], 'ARCHIVE_LINK_OUT', /"a\/l" leads out/],
    ['symlink to an absolute path', [{ name: 'l', type: '2', link: '/etc/passwd' }], 'ARCHIVE_LINK_OUT', /absolute/],
    ['symlink without a target', [{ name: 'l', type: '2' }], 'ARCHIVE_LINK_OUT', /no target/],
    ['symlinks that leave only together', [{ name: 'a/b/d', type: '2', link: '../..' }, { name: 'e', type: '2', link: 'a/b/d/../f' }], 'ARCHIVE_LINK_OUT', /"e" leads out/],
    ['symlinks in a circle', [{ name: 'a', type: '2', link: 'b' }, { name: 'b', type: '2', link: 'a' }], 'ARCHIVE_LINK_OUT', /circle/],
    ['hard link out', [{ name: 'h', type: '1', link: '../../etc/shadow' }], 'ARCHIVE_LINK_OUT', /"h" leads out/],
    ['hard link to a symlink', [{ name: 's', type: '2', link: 'ok.py' }, { name: 'h', type: '1', link: 's' }], 'ARCHIVE_LINK_OUT', /not a file before it/],
    ['hard link to what comes later', [{ name: 'h', type: '1', link: 'ok.py' }, ok], 'ARCHIVE_LINK_OUT', /not a file before it/],
    ['file through a symlink', [{ name: 'd', type: '2', link: 'lib' }, { name: 'd/x', body: '1' }], 'ARCHIVE_DUPLICATE_PATH', /"d" is a folder, but "d" is a file/],
    ['symlink in place of a folder', [{ name: 'd/x', body: '1' }, { name: 'd', type: '2', link: 'lib' }], 'ARCHIVE_DUPLICATE_PATH', /"d" is a file/],
    ['folder that collides by case', [{ name: 'Lib', type: '2', link: 'x' }, { name: 'lib/x', body: '1' }], 'ARCHIVE_DUPLICATE_PATH', /"lib" is a folder, but "Lib"/],
    ['file twice', [ok, { name: './ok.py' }], 'ARCHIVE_DUPLICATE_PATH', /"ok\.py" twice/],
    ['nothing but folders', [{ name: 'a/', type: '5' }], 'ARCHIVE_EMPTY', /no files/],
    ['file without a name', [{ name: './', body: '' }, { name: '.', type: '0' }], 'ARCHIVE_UNSAFE_PATH', /without a name/],
  ])('%s', async (_name, entries, code, message) => {
    await expect(readSourceArchive(tar(...entries))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('with too many entries, folders counted too', async () => {
    const entries = Array.from({ length: 51 }, (_, index) => ({ name: `d${index}/`, type: '5' }));
    await expect(readSourceArchive(tar(ok, ...entries), 'tar.gz', SMALL)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_MANY_ENTRIES', kind: 'too-large' });
  });

  it('with 10,001 entries by the real limit, and not with 10,000', async () => {
    const entries = Array.from({ length: 10_000 }, (_, index) => ({ name: `${index}.txt` }));
    expect(await readSourceArchive(tar(...entries))).toHaveLength(10_000);
    await expect(readSourceArchive(tar(...entries, ok))).rejects.toMatchObject({ code: 'ARCHIVE_TOO_MANY_ENTRIES' });
  });

  it('cut off, or not a tar at all', async () => {
    const whole = tar({ name: 'a', body: 'x'.repeat(5_000) });
    const half = gzipSync(Buffer.concat([tarEntry({ name: 'a', body: 'x'.repeat(5_000) })]).subarray(0, 2_000));
    for (const bytes of [whole.subarray(0, whole.length - 12), half, gzipSync(Buffer.from('no tar'.repeat(200)))]) {
      await expect(readSourceArchive(bytes)).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE', kind: 'invalid' });
    }
  });
});

describe('a bad zip is refused', () => {
  it.each<[string, ZipEntry[], string, RegExp]>([
    ['parent folder', [{ name: '../evil', body: 'x' }], 'ARCHIVE_UNSAFE_PATH', /leads out/],
    ['absolute path', [{ name: '/evil', body: 'x' }], 'ARCHIVE_UNSAFE_PATH', /absolute/],
    ['drive letter', [{ name: 'c:/evil', body: 'x' }], 'ARCHIVE_UNSAFE_PATH', /drive letter/],
    ['backslashes', [{ name: 'a\\..\\..\\evil', body: 'x' }], 'ARCHIVE_UNSAFE_PATH', /backslash/],
    ['NUL', [{ name: 'a\0.py', body: 'x' }], 'ARCHIVE_UNSAFE_PATH', /control character/],
    ['not UTF-8', [{ name: Buffer.from([0xe9, 0x2e]), body: 'x', flags: 0 }], 'ARCHIVE_UNSAFE_PATH', /UTF-8/],
    ['symlink out', [{ name: 'a/l', body: '../../x', mode: 0o120777 }], 'ARCHIVE_LINK_OUT', /"a\/l" leads out/],
    ['symlink to an absolute path', [{ name: 'l', body: '/etc', mode: 0o120777 }], 'ARCHIVE_LINK_OUT', /absolute/],
    ['device', [{ name: 'd', mode: 0o020666 }], 'ARCHIVE_UNSAFE_ENTRY', /device/],
    ['pipe', [{ name: 'p', mode: 0o010666 }], 'ARCHIVE_UNSAFE_ENTRY', /pipe/],
    ['encrypted', [{ name: 'e', body: 'x', flags: 0x801 }], 'ARCHIVE_UNREADABLE', /"e" is encrypted/],
    ['another method', [{ name: 'b', body: 'x', method: 12 }], 'ARCHIVE_UNREADABLE', /method other than/],
    ['larger than declared', [{ name: 'big', body: 'x'.repeat(5_000), declaredSize: 10 }], 'ARCHIVE_UNREADABLE', /"big" cannot be unpacked/],
    ['smaller than declared', [{ name: 'less', body: 'x', declaredSize: 5_000 }], 'ARCHIVE_UNREADABLE', /"less" cannot be unpacked/],
    ['wrong checksum', [{ name: 'sum', body: 'x', crc: 1 }], 'ARCHIVE_UNREADABLE', /"sum" .*checksum/],
    ['twice', [{ name: 'a', body: '1' }, { name: 'a', body: '2' }], 'ARCHIVE_DUPLICATE_PATH', /"a" twice/],
    ['file that is a folder too', [{ name: 'a', body: '1' }, { name: 'a/b', body: '2' }], 'ARCHIVE_DUPLICATE_PATH', /"a" is a folder/],
    ['empty', [], 'ARCHIVE_EMPTY', /no files/],
  ])('%s', async (_name, entries, code, message) => {
    await expect(readSourceArchive(zip(...entries))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('with too many entries by its directory, before one is read', async () => {
    const entries = Array.from({ length: 51 }, (_, index) => ({ name: `${index}` }));
    await expect(readSourceArchive(zip(...entries), 'zip', SMALL)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_MANY_ENTRIES' });
  });

  it('cut off', async () => {
    await expect(readSourceArchive(zip({ name: 'a', body: 'x' }).subarray(0, 60))).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE' });
  });
});

describe('a bomb is refused', () => {
  const MIB = 1024 * 1024;

  /** Most memory that `work` held at once above what was held before, in MiB. */
  async function memoryOf(work: () => Promise<unknown>): Promise<number> {
    const before = process.memoryUsage();
    let most = 0;
    const look = setInterval(() => {
      const now = process.memoryUsage();
      most = Math.max(most, now.arrayBuffers - before.arrayBuffers + now.heapUsed - before.heapUsed);
    }, 1);
    await work();
    clearInterval(look);
    return most / MIB;
  }

  it('by ratio: 300 MiB of zeros in a tar.gz cost no memory to speak of', async () => {
    const bomb = gzipSync(tarEntry({ name: 'zeros', body: Buffer.alloc(300 * MIB) }), { level: 1 });
    const used = await memoryOf(() => expect(readSourceArchive(bomb)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE', message: expect.stringContaining('"zeros"') }));
    expect(used).toBeLessThan(60);
  });

  it('by ratio, where each entry is small', async () => {
    const bomb = tar(...Array.from({ length: 30 }, (_, index) => ({ name: `z${index}`, body: Buffer.alloc(MIB) })));
    await expect(readSourceArchive(bomb)).rejects.toMatchObject({ code: 'ARCHIVE_BOMB', kind: 'too-large' });
    const zipped = zip(...Array.from({ length: 30 }, (_, index) => ({ name: `z${index}`, body: Buffer.alloc(MIB) })));
    await expect(readSourceArchive(zipped)).rejects.toMatchObject({ code: 'ARCHIVE_BOMB', message: expect.stringMatching(/entry "z\d+"/) });
  });

  it('by size, with a ratio that is allowed', async () => {
    const entries = Array.from({ length: 5 }, (_, index) => ({ name: `n${index}`, body: Buffer.concat([randomBytes(64 * 1024), Buffer.alloc(MIB)]) }));
    await expect(readSourceArchive(tar(...entries), undefined, SMALL)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE', message: expect.stringContaining('"n3"') });
    await expect(readSourceArchive(zip(...entries), undefined, SMALL)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE', message: expect.stringContaining('"n3"') });
  });

  it('in a second gzip member, behind the end of the tar', async () => {
    const bomb = Buffer.concat([tar(ok), gzipSync(Buffer.alloc(250 * MIB), { level: 1 })]);
    await expect(readSourceArchive(bomb)).rejects.toMatchObject({ code: expect.stringMatching(/^ARCHIVE_(BOMB|TOO_LARGE)$/) });
  });

  it('that tells a small size in its directory', async () => {
    const bomb = zip({ name: 'liar', body: Buffer.alloc(50 * MIB), declaredSize: 1_000 });
    const used = await memoryOf(() => expect(readSourceArchive(bomb)).rejects.toMatchObject({ kind: expect.stringMatching(/invalid|too-large/), message: expect.stringContaining('"liar"') }));
    expect(used).toBeLessThan(20);
  });

  it('by an entry that declares more than fits, before it is read', async () => {
    const lie = tar({ name: 'lie', body: 'x', size: 200 * MIB });
    await expect(readSourceArchive(lie)).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE', message: expect.stringContaining('"lie"') });
  });

  it('by its packed size', async () => {
    await expect(readSourceArchive(Buffer.alloc(20 * MIB + 1))).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE', message: 'The archive is larger than 20 MiB.' });
  });
});

describe('formats', () => {
  it('are told by the first bytes and must be what was said', async () => {
    expect(detectFormat(tar(ok))).toBe('tar.gz');
    expect(detectFormat(zip())).toBe('zip');
    expect(detectFormat(Buffer.from('#!/bin/sh'))).toBeUndefined();
    await expect(readSourceArchive(tar(ok), 'zip')).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE', message: 'The archive is not a zip file.' });
    await expect(readSourceArchive(Buffer.from('hello'))).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE' });
    await expect(readSourceArchive(Buffer.alloc(0))).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE' });
  });

  it.each([['../x'], ['/x'], ['a/../x'], ['a\\x'], ['']])('inline source obeys the same rules: %j', (name) => {
    expect(() => inlineSource({ [name]: '' })).toThrow(expect.objectContaining({ code: 'ARCHIVE_UNSAFE_PATH' }));
  });
});
