/** HAProxy and nginx before two gateways, with the configurations of `deploy/proxy/`. */
import t from "tap";
import { canRun } from "../local/fetch-redis.ts";
import { proxySuite } from "./proxy-suite.ts";
import { startHaproxy, startNginx } from "./reverse-proxy.ts";

// Each waits for timeouts most of its time.
t.jobs = 2;

for (const [name, start] of [
  ["haproxy", startHaproxy],
  ["nginx", startNginx],
] as const) {
  const skip = (await canRun(name)) ? false : `${name} is not installed (package ${name})`;
  t.test(`behind ${name}`, { skip }, async (t) => {
    await proxySuite(t, start);
  });
}
