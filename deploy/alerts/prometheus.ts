/** A real Prometheus over the nodes of a test, where it is installed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
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

/** Starts one that looks at these nodes every second; it ends with the test. */
export async function startPrometheus(t: Test, nodes: readonly { ops: string }[], ruleFile?: string) {
  const dir = mkdtempSync(join(tmpdir(), "foyer-prometheus-"));
  const targets = nodes.map(({ ops }) => new URL(ops).host);
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    ...(ruleFile === undefined ? {} : { rule_files: ["rules.yaml"] }),
    scrape_configs: [{ job_name: "foyer", static_configs: [{ targets }] }],
  };
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
  await waitFor(
    "Prometheus to see all nodes",
    async () => {
      const up = await query("up == 1").catch(() => []);
      return up.length === targets.length;
    },
    30_000,
  );
  return { query };
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
