/**
 * A node of soketi with its Redis adapter, for fan-out. Usage: node soketi.mjs REDIS_URL; tells its parent the port,
 * and ends with it.
 */
import { createServer } from "node:net";
import { Server } from "@soketi/soketi";

/** It takes a port, and cannot say which one it found. */
async function findPort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

const { hostname, port: redisPort } = new URL(process.argv[2]);
const port = await findPort();
const app = {
  id: "load",
  key: "load-key",
  secret: "load-secret",
  maxConnections: -1,
  enableClientMessages: true,
  enabled: true,
  maxBackendEventsPerSecond: -1,
  maxClientEventsPerSecond: -1,
  maxReadRequestsPerSecond: -1,
  webhooks: [],
};
const server = new Server();
server.pm2 = false;
server.setOptions({
  host: "127.0.0.1",
  port,
  debug: false,
  "metrics.enabled": false,
  "adapter.driver": "redis",
  "appManager.array.apps": [app],
  "database.redis.host": hostname,
  "database.redis.port": Number(redisPort),
});
await server.start(() => process.send?.({ port }));
process.on("disconnect", () => process.exit(0));
