/**
 * Traces for an OpenTelemetry collector: OTLP over HTTP, as JSON. Loaded only where `OTEL_EXPORTER_OTLP_ENDPOINT` is
 * set. Nothing of a trace travels between nodes: its ids follow from the command's id, which all of them know.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Logger } from "./log.ts";
import type { Role } from "./redis/keys.ts";

/** What is told of a command on one node. */
export interface CommandSpan {
  commandId: string;
  command: string;
  world: string;
  outcome: string;
  /** By `performance.now()`. */
  startedAt: number;
}

/** Takes spans that end now, and sends them by and by. */
export interface Tracer {
  span(span: CommandSpan): void;
  /** Sends what is left. */
  close(): Promise<void>;
}

interface TracingOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT` */
  endpoint: string;
  /** `OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, comma-separated, percent-encoded */
  headers: string;
  /** `OTEL_TRACES_SAMPLER_ARG`: the share of commands that are traced */
  share: number;
  role: Role;
  node: string;
  version: string;
  log: Logger;
}

const SEND_EVERY_MS = 1_000;
const SEND_MS = 5_000;
/** Spans that wait to be sent; what comes beyond is dropped. */
const MAX_WAITING = 4_096;

/** OTLP's numbers for who is asked, and who takes it from a queue. */
const KIND_SERVER = 2;
const KIND_CONSUMER = 5;
const STATUS_ERROR = 2;

/** Starts sending; nothing of it keeps a process alive, or stops one. */
export function startTracing({ endpoint, headers, share, role, node, version, log }: TracingOptions): Tracer {
  const url = `${endpoint.replace(/\/$/, "")}/v1/traces`;
  const resource = {
    attributes: attributes({
      "service.name": `foyer-${role}`,
      "service.instance.id": node,
      "service.version": version,
    }),
  };
  const sent = { "content-type": "application/json", ...parseHeaders(headers) };
  let waiting: object[] = [];
  let dropped = 0;
  let isFailing = false;

  const send = async () => {
    const spans = waiting;
    waiting = [];
    if (spans.length === 0) return;
    const body = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "foyer" }, spans }] }] };
    try {
      const signal = AbortSignal.timeout(SEND_MS);
      const answer = await fetch(url, { method: "POST", headers: sent, body: JSON.stringify(body), signal });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`the collector answers ${answer.status}`);
      isFailing = false;
      dropped = 0;
    } catch (error) {
      dropped += spans.length;
      // Once: a collector that is away is its own alert.
      if (!isFailing) log.warn({ reason: (error as Error).message, dropped }, "traces could not be sent");
      isFailing = true;
    }
  };
  let sending = Promise.resolve();
  const sendNext = () => {
    sending = sending.then(send);
    return sending;
  };
  const timer = setInterval(sendNext, SEND_EVERY_MS);
  timer.unref();

  return {
    span({ commandId, command, world, outcome, startedAt }) {
      const ids = idsOf(commandId);
      if (!isSampled(ids, share)) return;
      if (waiting.length >= MAX_WAITING) {
        dropped++;
        return;
      }
      const isGateway = role === "gateway";
      const gatewaySpan = ids.subarray(16, 24).toString("hex");
      waiting.push({
        traceId: ids.subarray(0, 16).toString("hex"),
        // A command that is delivered twice is run twice.
        spanId: isGateway ? gatewaySpan : randomBytes(8).toString("hex"),
        ...(isGateway ? {} : { parentSpanId: gatewaySpan }),
        name: command,
        kind: isGateway ? KIND_SERVER : KIND_CONSUMER,
        startTimeUnixNano: nanoseconds(startedAt),
        endTimeUnixNano: nanoseconds(performance.now()),
        attributes: attributes({
          "foyer.command_id": commandId,
          "foyer.command": command,
          "foyer.world": world,
          "foyer.outcome": outcome,
        }),
        // Refusals are a client's doing.
        status: outcome.startsWith("server.") ? { code: STATUS_ERROR, message: outcome } : {},
      });
    },
    async close() {
      clearInterval(timer);
      await sendNext();
    },
  };
}

/** 16 bytes for the trace, 8 for the gateway's span. */
function idsOf(commandId: string): Buffer {
  return createHash("sha256").update(commandId).digest();
}

/** The same decision on every node. */
function isSampled(ids: Buffer, share: number): boolean {
  return ids.readUInt32BE(24) < share * 2 ** 32;
}

function nanoseconds(at: number): string {
  return String(BigInt(Math.round((performance.timeOrigin + at) * 1_000)) * 1_000n);
}

function attributes(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

function parseHeaders(text: string): Record<string, string> {
  const pairs = text.split(",").map((item) => item.split("="));
  return Object.fromEntries(
    pairs
      .filter(([name = ""]) => name.trim() !== "")
      .map(([name, ...value]) => [name!.trim(), decodeURIComponent(value.join("=").trim())]),
  );
}
