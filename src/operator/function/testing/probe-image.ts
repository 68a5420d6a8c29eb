import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/**
 * A function image for tests, made without any base image: one static binary that behaves as its environment says.
 * `PROBE_FILE`: a file whose text is in the answer, read anew each time.
 * `PROBE_MODE`: `burn` uses all the CPU it gets, `crash` writes lines and exits 3, `unhealthy` never gets ready, `oom` eats memory, `exit` ends with 0; `failing` answers
 * 500; otherwise it answers `{"revision","mode","path"}`. `/metrics` counts its answers as runtimes do.
 */
const PROGRAM = `package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	mode := os.Getenv("PROBE_MODE")
	switch mode {
	case "crash":
		fmt.Fprintln(os.Stderr, "\\x1b[31mTraceback (most recent call last):\\x1b[0m")
		fmt.Fprintln(os.Stderr, "ModuleNotFoundError: No module named 'orders'")
		os.Exit(3)
	case "burn":
		go func() {
			for {
			}
		}()
	case "exit":
		fmt.Println("nothing to do")
		os.Exit(0)
	case "oom":
		var all [][]byte
		for {
			block := make([]byte, 8<<20)
			for i := range block {
				block[i] = 1
			}
			all = append(all, block)
			_ = all
		}
	}
	if delay, err := time.ParseDuration(os.Getenv("PROBE_DELAY")); err == nil {
		time.Sleep(delay)
	}
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if mode == "unhealthy" {
			fmt.Println("waiting for the database at db.internal")
			w.WriteHeader(503)
		}
	})
	status := 200
	if mode == "failing" {
		status = 500
	}
	var answers atomic.Int64
	instance := fmt.Sprintf("probe-%d", time.Now().UnixNano())
	http.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		n := answers.Load()
		fmt.Fprintf(w, "function_in_flight 0\\n")
		fmt.Fprintf(w, "function_instance_info{instance=\\"%s\\"} 1\\nhttp_requests_total{status=\\"%d\\"} %d\\n", instance, status, n)
		fmt.Fprintf(w, "function_duration_seconds_bucket{le=\\"0.1\\"} %d\\nfunction_duration_seconds_bucket{le=\\"+Inf\\"} %d\\n", n, n)
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answers.Add(1)
		if status != 200 {
			w.WriteHeader(status)
		}
		answer := map[string]string{"revision": os.Getenv("FNPLANE_REVISION"), "mode": mode, "path": r.URL.Path}
		if name := os.Getenv("PROBE_FILE"); name != "" {
			text, err := os.ReadFile(name)
			answer["file"] = string(text)
			if err != nil {
				answer["file"] = err.Error()
			}
			if _, err := os.OpenFile(name, os.O_WRONLY, 0); err != nil {
				answer["write"] = "refused"
			}
		}
		json.NewEncoder(w).Encode(answer)
	})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	server := &http.Server{Addr: ":" + os.Getenv("PORT")}
	go func() { <-stop; server.Close() }()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		panic(err)
	}
}
`;

const run = promisify(execFile);

/** Builds the image and pushes it to `registry` (`host:port`, plain HTTP). Returns its reference by digest. */
export async function pushProbeImage(registry: string, repository = 'fnplane/probe'): Promise<string> {
  const layer = await tarOf('probe', await compile());
  const compressed = gzipSync(layer, { level: 1 });
  const config = Buffer.from(JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', os: 'linux', config: { Entrypoint: ['/probe'] },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  }));
  const manifest = Buffer.from(JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', size: config.length, digest: digest(config) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', size: compressed.length, digest: digest(compressed) }],
  }));
  const base = `http://${registry}/v2/${repository}`;
  await Promise.all([pushBlob(base, config), pushBlob(base, compressed)]);
  await expectOk(await fetch(`${base}/manifests/${digest(manifest)}`, {
    method: 'PUT', headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }, body: new Uint8Array(manifest), signal: AbortSignal.timeout(10_000),
  }));
  return `${registry}/${repository}@${digest(manifest)}`;
}

async function compile(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'fnplane-probe-'));
  try {
    await writeFile(join(folder, 'main.go'), PROGRAM);
    await writeFile(join(folder, 'go.mod'), 'module probe\n\ngo 1.21\n');
    await run('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', 'probe', '.'], { cwd: folder, env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' }, timeout: 180_000 });
    return await readFile(join(folder, 'probe'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tarOf(name: string, content: Buffer): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name, mode: 0o755, mtime: new Date(0) }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function pushBlob(base: string, blob: Buffer): Promise<void> {
  const start = await expectOk(await fetch(`${base}/blobs/uploads/`, { method: 'POST', signal: AbortSignal.timeout(10_000) }));
  const location = new URL(start.headers.get('location') ?? '', base);
  location.searchParams.set('digest', digest(blob));
  await expectOk(await fetch(location, {
    method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(blob), signal: AbortSignal.timeout(30_000),
  }));
}

async function expectOk(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`the registry answered ${response.status}: ${await response.text()}`);
  return response;
}

function digest(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
