/** The ops port of any node: /metrics, /healthz, /readyz. Never public. */
import { createServer } from "node:http";
/** The answer of /readyz, on whichever port it is asked. */
export function readiness(reasons) {
    const ready = reasons.length === 0;
    return { status: ready ? 200 : 503, body: JSON.stringify(ready ? { ready } : { ready, reasons }) };
}
/** Starts it. */
export async function startOpsServer({ port, registry, reasons }) {
    const server = createServer((request, response) => {
        const send = (status, type, body) => {
            response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
            response.end(body);
        };
        switch (request.url?.split("?")[0]) {
            case "/healthz":
                return send(200, "text/plain", "ok\n");
            case "/readyz": {
                const { status, body } = readiness(reasons());
                return send(status, "application/json", body);
            }
            case "/metrics":
                registry.metrics().then((text) => send(200, registry.contentType, text), (error) => send(500, "text/plain", `${error.message}\n`));
                return;
            default:
                return send(404, "text/plain", "not found\n");
        }
    });
    await new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, resolve);
    });
    return {
        port: server.address().port,
        close: () => new Promise((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
        }),
    };
}
//# sourceMappingURL=ops-server.js.map