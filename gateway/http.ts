/** Plain requests on the public port: health for a load balancer, social logins, and metrics for this machine alone. */
import type { Registry } from "prom-client";
import { readiness } from "../shared/ops-server.ts";
import type { HttpAnswer, HttpRequest } from "./uws.ts";

/**
 * @param reasons why the gateway is not ready; empty when it is
 * @param answerSocial answers what belongs to social logins, with null to all else
 */
export function createHttp(
  reasons: () => string[],
  registry: Registry,
  answerSocial: (request: HttpRequest) => Promise<HttpAnswer | null>,
) {
  return async (request: HttpRequest): Promise<HttpAnswer> => {
    const social = request.path.startsWith("/social/") ? await answerSocial(request) : null;
    const answer = social ?? (await answerHealth(request, reasons, registry));
    return answer ?? { status: 404, type: "text/plain", body: "not found\n" };
  };
}

async function answerHealth(
  { method, path, isLocal }: HttpRequest,
  reasons: () => string[],
  registry: Registry,
): Promise<HttpAnswer | null> {
  // Its figures are nobody's business outside; Prometheus asks the ops port.
  const isKnown = path === "/healthz" || path === "/readyz" || (path === "/metrics" && isLocal);
  if (!isKnown) return null;
  if (method !== "get" && method !== "head") {
    return { status: 405, type: "text/plain", body: "GET only\n", headers: { allow: "GET, HEAD" } };
  }
  if (path === "/healthz") return { status: 200, type: "text/plain", body: "ok\n" };
  if (path === "/metrics") {
    return { status: 200, type: registry.contentType, body: await registry.metrics() };
  }
  const { status, body } = readiness(reasons());
  return { status, type: "application/json", body };
}
