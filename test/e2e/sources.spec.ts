import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packFolder } from '../../deploy/local/demo/archive.ts';
import { HttpClient, type HttpAnswer } from '../../deploy/local/http-client.ts';
import { randomName } from '../support/api.js';
import { sha256, tarGz, zip, type ArchiveEntry } from '../support/archives.js';
import { pushCustomImage } from '../support/custom-image.js';
import { needed, sharedPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, invoke, SMALL } from '../support/tenant-functions.js';

const MIB = 1024 * 1024;
const GZIP = 'application/gzip';
const ZIP = 'application/zip';

const NODE: ArchiveEntry[] = [
  { name: 'handler.js', content: 'import { greet } from "./lib/greet.js";\n\nexport async function handle(event) {\n  return greet(event.data.name);\n}\n' },
  { name: 'lib/greet.js', content: 'export const greet = (name) => ({ greeting: `hello ${name}` });\n' },
  { name: 'package.json', content: '{"type":"module"}' },
];
const GO: ArchiveEntry[] = [
  { name: 'go.mod', content: 'module shop.example/greeter\n\ngo 1.22\n\nrequire fnplane.dev/fn v0.0.0\n' },
  {
    name: 'handler.go',
    content: 'package greeter\n\nimport (\n\t"context"\n\n\t"fnplane.dev/fn"\n\t"shop.example/greeter/words"\n)\n\nfunc Handle(ctx context.Context, event fn.Event) (any, error) {\n\tvar who struct{ Name string }\n\tif err := event.Decode(&who); err != nil {\n\t\treturn nil, err\n\t}\n\treturn map[string]string{"greeting": words.Greet(who.Name)}, nil\n}\n',
  },
  { name: 'words/words.go', content: 'package words\n\nfunc Greet(name string) string { return "hello " + name }\n' },
];

describe('sources of functions', () => {
  let platform: TestPlatform;
  let id: string;
  const tenant = randomName('sources');
  const other = randomName('other');
  const path = `/v1/tenants/${tenant}`;

  beforeAll(async () => {
    platform = await sharedPlatform();
    [{ id }] = await Promise.all([platform.tenant(tenant), platform.tenant(other)]);
  });
  afterAll(() => platform?.stop());

  function upload(bytes: Buffer, type: string, digest = sha256(bytes), to = tenant): Promise<HttpAnswer> {
    return platform.operator.put(`/v1/tenants/${to}/code/${digest}`, bytes, { headers: { 'content-type': type } });
  }

  async function uploaded(bytes: Buffer, type: string): Promise<{ archive: string }> {
    expect((await upload(bytes, type)).status).toBe(201);
    return { archive: sha256(bytes) };
  }

  it.each([
    ['Node in a tar.gz', 'node', GZIP, () => tarGz(NODE)],
    ['Node in a zip', 'node', ZIP, () => zip(NODE)],
    ['Go in a tar.gz', 'go', GZIP, () => tarGz(GO)],
    ['Go in a zip', 'go', ZIP, () => zip(GO)],
  ])('runs %s', async (title, runtime, type, build) => {
    const name = title.toLowerCase().replace(/[^a-z]+/g, '-');
    await deploy(platform, tenant, { name, runtime, source: await uploaded(await build(), type), resources: SMALL });
    expect(await invoke(platform, tenant, name, { name: 'Ada' })).toEqual({ greeting: 'hello Ada' });
    expect((await platform.operator.delete(`${path}/functions/${name}`)).status).toBe(202);
  }, 200_000);

  it('runs Node with a dependency that its lock file names: a real PNG comes out smaller', async () => {
    const { archive, manifest } = await packFolder('deploy/examples/thumbnail');
    await deploy(platform, tenant, { ...manifest, resources: { cpuMillis: 100, memoryMb: 128 }, source: await uploaded(archive, GZIP), authentication: 'none' }, 120_000);
    const png = await readFile('deploy/examples/thumbnail/sample.png');
    const answer = await new HttpClient(platform.gateway).post(`/${tenant}/thumbnail?width=24&greyscale=true`, png, { headers: { 'content-type': 'image/png' } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png']);
    const [before, after] = [png, answer.body as Buffer].map((image) => ({ magic: image.subarray(1, 4).toString(), width: image.readUInt32BE(16), height: image.readUInt32BE(20), bytes: image.length }));
    expect(after).toMatchObject({ magic: 'PNG', width: 24, height: Math.round((24 * before!.height) / before!.width) });
    expect(after!.bytes).toBeLessThan(before!.bytes);
  }, 150_000);

  it('runs an image of the tenant\'s own by tag and by digest, and pins the tag', async () => {
    const first = await pushCustomImage(id, 'custom', 'stable');
    const image = { name: 'custom', runtime: 'image', metering: 'gateway', resources: SMALL };
    await deploy(platform, tenant, { ...image, image: first.byDigest });
    expect(await invoke(platform, tenant, 'custom', { a: 1 })).toEqual({ image: 'stable', method: 'POST', url: '/', bytes: 7 });
    const second = await pushCustomImage(id, 'custom', 'v2');
    const fn = await deploy(platform, tenant, { ...image, image: second.byTag });
    expect(fn.status.servingRevision).toBe(2);
    expect(await invoke(platform, tenant, 'custom')).toMatchObject({ image: 'v2' });
    // What the client sent is answered as sent; the digest stands with the revision.
    expect(fn.image).toBe(second.byTag);
    expect((await platform.operator.get(`${path}/functions/custom/revisions/2`)).body.effective.image).toBe(second.byDigest);
  });

  describe('that cannot be taken', () => {
    /** All that a refused upload or deployment might leave behind. */
    async function traces(): Promise<Record<string, unknown>> {
      const client = new Client({ connectionString: platform.databaseUrl });
      await client.connect();
      try {
        const counts = await client.query(`WITH mine AS (SELECT id FROM tenant WHERE name = ANY($1)) SELECT (SELECT count(*)::int FROM code_archive WHERE tenant_id IN (TABLE mine)) AS code,
          (SELECT count(*)::int FROM function WHERE tenant_id IN (TABLE mine)) AS functions, (SELECT count(*)::int FROM revision WHERE tenant_id IN (TABLE mine)) AS revisions,
          (SELECT count(*)::int FROM quota_reservation WHERE tenant_id IN (TABLE mine)) AS reservations, (SELECT coalesce(sum(invocations), 0)::int FROM usage_record WHERE tenant_id = (SELECT id FROM tenant WHERE name = $2)) AS invocations,
          (SELECT count(*)::int FROM operation WHERE tenant_id IN (TABLE mine) AND state = 'running' AND target_kind = 'function') AS operations`, [[tenant, other], other]);
        const used = async (name: string): Promise<unknown> => (await platform.operator.get(`/v1/tenants/${name}/quota`)).body.used;
        return { ...counts.rows[0] as object, used: [await used(other)], total: (await platform.operator.get(`/v1/tenants/${other}/invoice-preview`)).body.total };
      } finally {
        await client.end();
      }
    }

    /** Refused with a code, and nothing of it is left. */
    async function refused(ask: () => Promise<HttpAnswer>, status: number, code: string, pointer?: string): Promise<void> {
      const before = await traces();
      const { body, ...answer } = await ask();
      expect([answer.status, body.code, body.errors?.[0]?.pointer]).toEqual([status, code, pointer]);
      expect(body.detail.length).toBeGreaterThan(10);
      expect(await traces()).toEqual(before);
    }

    const file = (name: string): ArchiveEntry => ({ name, content: 'def handle(event, context):\n    return 1\n' });
    const handler = file('handler.py');
    /** Compresses about fiftyfold: below the ratio that is looked at. */
    const bulky = (): Buffer => {
      const block = Buffer.alloc(34 * MIB);
      for (let at = 0; at < block.length; at += 4096) randomBytes(64).copy(block, at);
      return block;
    };

    it.each<[string, () => Promise<Buffer>, string, number, string]>([
      ['a path upwards in a tar', () => tarGz([handler, file('../../etc/cron.d/x')]), GZIP, 422, 'ARCHIVE_UNSAFE_PATH'],
      ['a path upwards in a zip', () => zip([handler, file('lib/../../x')]), ZIP, 422, 'ARCHIVE_UNSAFE_PATH'],
      ['a path with backslashes', () => zip([handler, file('..\\..\\x')]), ZIP, 422, 'ARCHIVE_UNSAFE_PATH'],
      ['an absolute path in a tar', () => tarGz([handler, file('/etc/passwd')]), GZIP, 422, 'ARCHIVE_UNSAFE_PATH'],
      ['an absolute path in a zip', () => zip([handler, file('/etc/passwd')]), ZIP, 422, 'ARCHIVE_UNSAFE_PATH'],
      ['a link out of a tar', () => tarGz([handler, { name: 'x', link: '../../../etc/shadow' }]), GZIP, 422, 'ARCHIVE_LINK_OUT'],
      ['a link out by way of another', () => tarGz([handler, file('a/b/c'), { name: 'a/up', link: '..' }, { name: 'x', link: 'a/up/../../etc' }]), GZIP, 422, 'ARCHIVE_LINK_OUT'],
      ['an absolute link in a zip', () => zip([handler, { name: 'x', link: '/etc/shadow' }]), ZIP, 422, 'ARCHIVE_LINK_OUT'],
      ['a hard link out', () => tarGz([handler, { name: 'x', link: '../../etc/shadow', hard: true }]), GZIP, 422, 'ARCHIVE_LINK_OUT'],
      ['a file twice', () => tarGz([handler, handler]), GZIP, 422, 'ARCHIVE_DUPLICATE_PATH'],
      ['too many entries in a tar', () => tarGz(Array.from({ length: 10_001 }, (_, index) => ({ name: `f${index}` }))), GZIP, 413, 'ARCHIVE_TOO_MANY_ENTRIES'],
      ['too many entries in a zip', () => zip(Array.from({ length: 10_001 }, (_, index) => ({ name: `f${index}` }))), ZIP, 413, 'ARCHIVE_TOO_MANY_ENTRIES'],
      ['a bomb by ratio in a tar', () => tarGz([handler, { name: 'zeros', content: Buffer.alloc(60 * MIB) }]), GZIP, 413, 'ARCHIVE_BOMB'],
      ['a bomb by ratio in a zip', () => zip([handler, { name: 'zeros', content: Buffer.alloc(60 * MIB) }]), ZIP, 413, 'ARCHIVE_BOMB'],
      ['a bomb by size', () => tarGz([handler, ...['a', 'b', 'c'].map((name) => ({ name, content: bulky() }))]), GZIP, 413, 'ARCHIVE_TOO_LARGE'],
      ['more than 20 MiB', () => Promise.resolve(randomBytes(20 * MIB + 1)), GZIP, 413, 'CODE_TOO_LARGE'],
      ['nothing', () => Promise.resolve(Buffer.alloc(0)), GZIP, 422, 'CODE_EMPTY'],
      ['half an archive', async () => (await tarGz([{ name: 'big', content: randomBytes(MIB) }])).subarray(0, MIB / 2), GZIP, 422, 'ARCHIVE_UNREADABLE'],
      ['a zip that calls itself a tar', () => zip([handler]), GZIP, 422, 'ARCHIVE_UNREADABLE'],
      ['an archive of nothing', () => tarGz([]), GZIP, 422, 'ARCHIVE_EMPTY'],
    ])('refuse %s', async (_, build, type, status, code) => {
      const bytes = await build();
      await refused(() => upload(bytes, type, sha256(bytes), other), status, code, '');
      expect((await platform.operator.get(`/v1/tenants/${other}/code/${sha256(bytes)}`)).status).toBe(404);
    });

    it('refuse a digest that is not the content\'s, one that is none, and a type that is no archive', async () => {
      const bytes = await tarGz([handler]);
      const digest = sha256(Buffer.from('something else'));
      await refused(() => upload(bytes, GZIP, digest, other), 422, 'CODE_DIGEST_MISMATCH', '');
      await refused(() => upload(bytes, GZIP, digest.toUpperCase(), other), 422, 'CODE_DIGEST_INVALID', '?digest');
      await refused(() => upload(bytes, 'application/x-tar', sha256(bytes), other), 415, 'CODE_FORMAT_UNKNOWN');
      await refused(() => upload(bytes, 'application/json', sha256(bytes), other), 400, 'JSON_INVALID');
    });

    it('refuse far more than 20 MiB before it is read to the end', async () => {
      const bytes = randomBytes(24 * MIB);
      const answer = await upload(bytes, GZIP, sha256(bytes), other);
      expect([answer.status, answer.body.code]).toEqual([413, expect.any(String)]);
    });

    it('refuse a deployment of an archive that was never uploaded, or to another tenant', async () => {
      const theirs = await uploaded(await tarGz([handler]), GZIP);
      const body = { name: 'borrowed', runtime: 'python' };
      for (const archive of [sha256(randomBytes(8)), theirs.archive]) {
        await refused(() => platform.operator.put(`/v1/tenants/${other}/functions/borrowed`, { ...body, source: { archive } }), 422, 'CODE_NOT_FOUND', '/source/archive');
      }
    });

    it('refuse another tenant\'s image in the words for one that nobody has, and images from elsewhere', async () => {
      const { byTag } = await pushCustomImage(id, 'secret', 'v1');
      const registry = needed('FNPLANE_TEST_REGISTRY');
      const missing = `${registry}/tenants/00000000-0000-4000-8000-000000000000/secret:v1`;
      const told: string[] = [];
      for (const image of [byTag, missing, `${registry}/fnplane/runtime-python:latest`, 'registry.example/team/app:v1']) {
        await refused(async () => {
          const answer = await platform.operator.put(`/v1/tenants/${other}/functions/borrowed`, { name: 'borrowed', runtime: 'image', image });
          told.push(String(answer.body.detail).replace(image, 'IMAGE'));
          return answer;
        }, 422, 'IMAGE_NOT_ALLOWED', '/image');
      }
      expect(new Set(told).size).toBe(1);
    });
  });
});
