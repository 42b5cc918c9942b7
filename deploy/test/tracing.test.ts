/** Traces of commands, as a collector gets them; and that nothing of it is there without one. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import t, { type Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { parse } from "../../shared/testing/log-lines.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { startTracing } from "../../shared/tracing.ts";

const world = {
  world: { id: "w", title: "W" },
  roles: { attendee: ["world:view"] },
  trait_grants: { attendee: [] },
};
const MARK = "written-by-a-client";
const MODULE = "/shared/tracing.js";

interface Attribute {
  key: string;
  value: { stringValue: string };
}

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status: { code?: number };
  /** Of the node that sent it. */
  service: Record<string, string>;
}

/** @param refused how many of the first requests it refuses, as one does that has just been restarted */
async function startCollector(t: Test, refused: number) {
  const spans: Span[] = [];
  const authorizations = new Set<string | undefined>();
  let requests = 0;
  const server = createServer(async (request, response) => {
    authorizations.add(request.headers.authorization);
    const body = (await json(request)) as {
      resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[];
    };
    if (request.url !== "/v1/traces" || requests++ < refused) return void response.writeHead(503).end();
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const service = valuesOf(resource.attributes);
      for (const each of scopeSpans) spans.push(...each.spans.map((span) => ({ ...span, service })));
    }
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, spans, authorizations };
}

const valuesOf = (attributes: Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));

/** Has processes say at their end which modules they had loaded. */
function watchModules(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), "foyer-modules-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return {
    environment: { NODE_V8_COVERAGE: dir },
    loaded(): string[][] {
      return readdirSync(dir).map((file) => {
        const { result } = JSON.parse(readFileSync(join(dir, file), "utf8")) as { result: { url: string }[] };
        return result.map(({ url }) => url);
      });
    },
  };
}

t.test("a command's spans on gateway and worker are one trace", async (t) => {
  const collector = await startCollector(t, 1);
  const modules = watchModules(t);
  const lines: string[] = [];
  const cluster = await startTestCluster(t, {
    worlds: [world],
    environment: {
      ...modules.environment,
      FOYER_LOG_LEVEL: "warn",
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20hush",
    },
    onLine: (line) => void lines.push(line),
  });
  const client = await connectClient(cluster.gateways[0]!.world("w"));
  const { "user.config": me } = await client.logIn({ client_id: randomUUID() });
  const failed = () => lines.map(parse).filter((line) => line?.event === "traces could not be sent");
  await waitFor("the first spans to be refused", () => failed().length === 1);
  await client.ask("user.update", { profile: { display_name: MARK } });
  await client.ask("user.fetch", { id: randomUUID() });
  client.end();
  for (const node of [...cluster.gateways, ...cluster.workers]) t.equal(await node.stop(), 0);

  const { spans } = collector;
  for (const [name, outcome] of [
    ["user.update", "success"],
    ["user.fetch", "user.not_found"],
  ] as const) {
    const [gateway, ...moreGateways] = spans.filter((span) => span.name === name && span.kind === 2);
    const [worker, ...moreWorkers] = spans.filter((span) => span.name === name && span.kind === 5);
    t.strictSame([moreGateways, moreWorkers], [[], []], `${name} is told once by each`);
    t.match(gateway, { service: { "service.name": "foyer-gateway" }, status: {} });
    t.match(worker, {
      service: { "service.name": "foyer-core", "service.instance.id": cluster.workers[0]!.id },
    });
    t.match(gateway!.traceId, /^[0-9a-f]{32}$/);
    t.equal(worker!.traceId, gateway!.traceId);
    t.equal(worker!.parentSpanId, gateway!.spanId);
    t.not(worker!.spanId, gateway!.spanId);
    const { "foyer.command_id": commandId, ...rest } = valuesOf(gateway!.attributes);
    t.strictSame(rest, { "foyer.command": name, "foyer.world": "w", "foyer.outcome": outcome });
    t.equal(valuesOf(worker!.attributes)["foyer.command_id"], commandId);
    const [start, end] = [gateway, worker].map((span) => [
      BigInt(span!.startTimeUnixNano),
      BigInt(span!.endTimeUnixNano),
    ]) as [bigint[], bigint[]];
    t.ok(start[0]! <= start[1]! && end[0]! <= end[1]!, "what began has ended after");
  }
  t.strictSame([...collector.authorizations], ["Bearer hush"]);
  t.notMatch(JSON.stringify(spans), new RegExp(`${MARK}|${me.id}`));
  t.ok(
    modules.loaded().some((urls) => urls.some((url) => url.endsWith(MODULE))),
    "its module was loaded",
  );
});

t.test("of a share of commands gateway and worker pick the same ones", async (t) => {
  const collector = await startCollector(t, 0);
  const asked = 1_000;
  for (const role of ["gateway", "core"] as const) {
    const tracer = startTracing({
      endpoint: collector.url,
      headers: "",
      share: 0.25,
      role,
      node: role,
      version: "1",
      log: createLog("silent"),
    });
    for (let n = 0; n < asked; n++) {
      const startedAt = performance.now();
      tracer.span({ commandId: `g.${n}`, command: "user.fetch", world: "w", outcome: "success", startedAt });
    }
    await tracer.close();
  }
  const of = (kind: number) =>
    collector.spans.filter((span) => span.kind === kind).map(({ traceId }) => traceId);
  const [gateway, worker] = [of(2), of(5)];
  t.ok(gateway.length > asked / 5 && gateway.length < asked / 3, `${gateway.length} of ${asked}`);
  t.strictSame(worker, gateway);
});

t.test("without a collector nothing of it is loaded", async (t) => {
  const modules = watchModules(t);
  const cluster = await startTestCluster(t, { worlds: [world], environment: modules.environment });
  const client = await connectClient(cluster.gateways[0]!.world("w"));
  await client.logIn({ client_id: randomUUID() });
  client.end();
  for (const node of [...cluster.gateways, ...cluster.workers]) await node.stop();
  const nodes = modules
    .loaded()
    .filter((urls) => urls.some((url) => /\/(gateway|core)\/main\.js$/.test(url)));
  t.equal(nodes.length, 2);
  t.strictSame(
    nodes.flat().filter((url) => url.endsWith(MODULE)),
    [],
  );
});
