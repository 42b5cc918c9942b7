/** A real Prometheus over nodes that run here; it has to be installed (Debian's package prometheus). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { waitFor } from "../../shared/testing/wait-for.ts";

/** What Prometheus says to a query at one moment. */
export interface Sample {
  metric: Record<string, string>;
  /** Not a number where there is no answer yet. */
  value: number;
}

type Answer =
  | { status: "error"; error: string }
  | {
      status: "success";
      data: { result: { metric: Record<string, string>; value: [at: number, text: string] }[] };
    };

/** Starts one that looks at these nodes every second; it ends with the test, or whatever else does `teardown`. */
export async function startPrometheus(
  t: { teardown(end: () => unknown): void },
  nodes: readonly { ops: string }[],
  ruleFile?: string,
) {
  const dir = mkdtempSync(join(tmpdir(), "foyer-prometheus-"));
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    ...(ruleFile === undefined ? {} : { rule_files: ["rules.yaml"] }),
    scrape_configs: [
      { job_name: "foyer", file_sd_configs: [{ files: ["targets.json"], refresh_interval: "1s" }] },
    ],
  };
  /** Whole or not at all: Prometheus reads it at any moment. */
  const writeTargets = (targets: readonly string[]) => {
    const file = join(dir, "targets.json");
    writeFileSync(`${file}.new`, JSON.stringify([{ targets }]));
    renameSync(`${file}.new`, file);
  };
  writeTargets([]);
  writeFileSync(join(dir, "prometheus.yaml"), stringify(config));
  if (ruleFile !== undefined) writeFileSync(join(dir, "rules.yaml"), ruleFile);
  const port = await freePort();
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(dir, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  t.teardown(async () => {
    await end(child);
    rmSync(dir, { recursive: true });
  });
  const query = async (expr: string): Promise<Sample[]> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`;
    const answer = (await (await fetch(url)).json()) as Answer;
    if (answer.status !== "success") throw new Error(`${expr}: ${answer.error}`);
    return answer.data.result.map(
      ({ metric, value }: { metric: Record<string, string>; value: [number, string] }) => ({
        metric,
        value: Number(value[1].replace("Inf", "Infinity")),
      }),
    );
  };
  /** Looks at these nodes and no others from now on. */
  const look = async (nodes: readonly { ops: string }[]) => {
    const targets = nodes.map(({ ops }) => new URL(ops).host);
    writeTargets(targets);
    const see = async () => {
      const up = await query("up == 1").catch(() => []);
      return targets.every((target) => up.some(({ metric }) => metric.instance === target));
    };
    await waitFor("Prometheus to see all nodes", see, 30_000);
  };
  await look(nodes);
  return { query, look, pid: child.pid! };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
