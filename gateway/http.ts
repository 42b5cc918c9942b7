/** Plain requests on the public port: health for a load balancer, social logins, and metrics for this machine alone. */
import type { Registry } from "prom-client";
import { readiness } from "../shared/ops-server.ts";
import type { HttpAnswer, HttpRequest } from "./uws.ts";

/**
 * @param reasons why the gateway is not ready; empty when it is
 * @param social answers what belongs to social logins, with null to all else
 */
export function createHttp(
  reasons: () => string[],
  registry: Registry,
  social: (request: HttpRequest) => Promise<HttpAnswer | null>,
) {
  return async (request: HttpRequest): Promise<HttpAnswer> => {
    const { path, isLocal } = request;
    switch (path) {
      case "/healthz":
        return { status: 200, type: "text/plain", body: "ok\n" };
      case "/readyz": {
        const { status, body } = readiness(reasons());
        return { status, type: "application/json", body };
      }
      case "/metrics":
        // Its figures are nobody's business outside; Prometheus asks the ops port.
        if (isLocal) return { status: 200, type: registry.contentType, body: await registry.metrics() };
    }
    const answer = path.startsWith("/social/") ? await social(request) : null;
    return answer ?? { status: 404, type: "text/plain", body: "not found\n" };
  };
}
