/** Plain requests on the public port: health for a load balancer, and metrics for this machine alone. */
import type { Registry } from "prom-client";
import { readiness } from "../shared/ops-server.ts";
import type { HttpAnswer, HttpRequest } from "./uws.ts";

/** @param reasons why the gateway is not ready; empty when it is */
export function createHttp(reasons: () => string[], registry: Registry) {
  return async ({ path, isLocal }: HttpRequest): Promise<HttpAnswer> => {
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
    return { status: 404, type: "text/plain", body: "not found\n" };
  };
}
